// Plain types and the security types under the name of the header that has them in C.

import "ms-dtyp.idl";
