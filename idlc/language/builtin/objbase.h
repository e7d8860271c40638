// What IDL can use of the header of the COM functions.

import "objidl.idl";
