"""Objects across processes and machines (MS-DCOM)."""
