// What IDL can use of the header of the RPC functions.

import "minwindef.h";
