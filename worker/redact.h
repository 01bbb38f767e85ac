/*
 * redact.h - blots one secret out of text that goes to logs, records and results: as it is, as JSON
 * spells it in a string, and where the text was cut in the middle of it.
 */
#ifndef WORKER_REDACT_H
#define WORKER_REDACT_H

#include "sandbox/base.h"

/* A secret shorter than this, or so little of one at a cut, stands in innocent text by chance. */
#define STK_REDACT_LEAST 6

/* Overwrites each occurrence by asterisks, byte for byte; whether there was one. */
bool stk_redact(const uint8_t *secret, size_t n, uint8_t *text, size_t len);

#endif
