/*
 * registry_lines.h - only for the preprocessor: each line of STOCKADE_REGISTRY becomes one line
 * "@ [ file, line, function, schema or its folder, class, words ]". The words of a line are no macros here,
 * so they arrive as they were written.
 */
#ifndef STOCKADE_SCHEMA_DIR
#define STOCKADE_SCHEMA_DIR "jobs/"
#endif
#define JOB(fn, name, ...)              @ [ __FILE__, __LINE__, #fn, STOCKADE_SCHEMA_DIR, name, #__VA_ARGS__ ]
#define JOB_SCHEMA(fn, path, name, ...) @ [ __FILE__, __LINE__, #fn, path, name, #__VA_ARGS__ ]
#include STOCKADE_REGISTRY
