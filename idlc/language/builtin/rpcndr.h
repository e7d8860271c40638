// What IDL can use of the header of the marshalling functions.

import "minwindef.h";
