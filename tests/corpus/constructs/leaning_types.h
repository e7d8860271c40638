/* A header that includes nothing: its types come from what was imported before it. */
#ifndef LEANING_H
#define LEANING_H
typedef struct leaning { DWORD count; ULONGLONG time; } LEANING;
typedef KNOWN_TO_C_ONLY *FOREIGN;
LEANING *leaning_of(FOREIGN foreign);
#endif
