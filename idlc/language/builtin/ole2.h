// What IDL can use of the header of the OLE functions.

import "oleidl.idl", "oaidl.idl";
