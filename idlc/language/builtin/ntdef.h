// Plain types and counted strings under the name of the header that has them in C.

import "ms-dtyp.idl";
