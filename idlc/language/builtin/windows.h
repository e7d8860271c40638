// What IDL can use of the header that every program for Windows includes.

import "windef.h";
