// Samba has the names of its flags here; the dialect knows them by themselves.

import "pidl.idl";
