// Samba has the names of its flags here; the dialect knows them by themselves.

cpp_quote("/* names of flags */")
