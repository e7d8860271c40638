// Plain types, geometry and handles under the name of the header that has them in C.

import "wtypes.idl";
