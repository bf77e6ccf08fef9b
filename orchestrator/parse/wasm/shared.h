/*
 * What the two kernels share: memory, and the fast grammars of numbers and times, the same as in numbers.ts and times.ts.
 *
 * A grammar takes what can be published as it stands and refuses the rest: the cell becomes a hole, which TypeScript fills
 * by the full rules. So nothing here has to be complete, but all that it takes has to be right (promise 7).
 *
 * Loops stop at sentinels behind the input; loads and stores of 16 bytes may go 32 bytes too far.
 */
#include <stdint.h>
#include <wasm_simd128.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define EXPORT(name) __attribute__((export_name(#name)))

/* Bytes of the input window and of the output, and what may be touched behind them. */
#define IN_BYTES (512u << 10)
#define OUT_BYTES (1u << 20)
#define SPARE 64u
#define MAX_STEPS 1024u
#define MAX_KEY_BYTES (64u << 10)
#define MAX_HOLES 4096u
/* READ: a field that the text does not have. */
#define NO_PLACE 255u

/* As in program.ts, and two more. Of what has a grammar of its own there are only times with digits at fixed places here. */
enum { STRING, INTEGER, REAL, DECIMAL, BOOLEAN, DATE, TIMESTAMP, BINARY, JSON_VALUE, READ, HOLE = 20, UNUSED = 21 };

/* Why a call came back: the window is used up, or cuts the record at `used` · enough output · that record is out of the ordinary. */
enum { MORE, FULL, SLOW };

/* How a column's value is checked and written; filled by engine.ts, as 16 words. */
struct step {
  u32 op;
  /* What goes before the value: bytes of `keys`. */
  u32 key_at, key_length;
  u32 column;
  /* xsv: the cell it comes from. */
  u32 source;
  /* 1: what is not there is null, and nobody counts it. */
  u32 null_is_plain;
  /* 1: spaces around a text go away, so a text that has them is a hole. */
  u32 trims;
  union {
    struct {
      u32 is_float;
      /* The decimal separator, 256 for none that is one byte. */
      u32 point;
      u32 integer_digits, fraction_digits;
      /* Largest value, and largest magnitude below zero; low word first. */
      u32 most[2], least[2];
    };
    /* READ: bytes of `keys` as long as the text, a bit for each that stands for a digit, and where the fields are. */
    struct {
      u32 template_at, length, digits, is_date;
      u8 year, month, day, hour, minute, second, fraction, fraction_length;
      u32 unused[2];
    };
  };
  u32 is_nullable;
};

extern u8 in[IN_BYTES + SPARE];
extern u8 out[OUT_BYTES + SPARE];
extern u8 keys[MAX_KEY_BYTES + SPARE];
extern struct step steps[MAX_STEPS];
/* A value that TypeScript writes: place in the output, two words of the format's own, column. */
extern u32 holes[MAX_HOLES][4];
/* A row that has holes: where it begins and ends in the input and in the output, rows and lines before it, its holes. */
extern u32 hole_rows[MAX_HOLES][8];
/* What the last call did: bytes taken, bytes written, rows, line ends, holes, rows with holes, one word of the format's. */
extern u32 done[8];
enum { USED, WRITTEN, ROWS, LINES, HOLES, HOLE_ROWS, STATE };

#define IS_DIGIT(c) ((u32)((c) - '0') < 10u)

static inline u64 wide(const u32 words[2]) { return (u64)words[1] << 32 | words[0]; }

/* Copies `length` bytes by whole blocks of 16. */
static inline void blocks(u8 *to, const u8 *from, u32 length) {
  for (u32 k = 0; k < length; k += 16) wasm_v128_store(to + k, wasm_v128_load(from + k));
}

static inline u8 *write_null(u8 *o) {
  __builtin_memcpy(o, "null", 4);
  return o + 4;
}

/* Writes the escape of a byte that a JSON string cannot hold as it is. */
static inline u8 *write_escape(u8 *o, u32 c) {
  *o++ = '\\';
  switch (c) {
    case '"': case '\\': *o++ = c; return o;
    case '\n': *o++ = 'n'; return o;
    case '\r': *o++ = 'r'; return o;
    case '\t': *o++ = 't'; return o;
    case '\b': *o++ = 'b'; return o;
    case '\f': *o++ = 'f'; return o;
    default:
      __builtin_memcpy(o, "u00", 3);
      o[3] = "0123456789abcdef"[c >> 4];
      o[4] = "0123456789abcdef"[c & 15];
      return o + 5;
  }
}

/* The ends of values that begin at p; 0 when the grammar does not take them. They stop at the first byte that is none of theirs. */

static inline const u8 *end_of_integer(const u8 *p, const struct step *step) {
  u32 negative = *p == '-';
  p += negative;
  if (*p == '0') return negative || IS_DIGIT(p[1]) ? 0 : p + 1;
  const u8 *first = p;
  u64 value = 0;
  while (IS_DIGIT(*p) && p - first < 20) value = value * 10 + (*p++ - '0');
  if (p == first || p - first > 19) return 0;
  return value <= wide(negative ? step->least : step->most) ? p : 0;
}

static inline const u8 *end_of_real(const u8 *p, u32 point, u32 is_float) {
  const u8 *start = p;
  p += *p == '-';
  if (*p == '0') p++;
  else {
    if (!IS_DIGIT(*p)) return 0;
    do p++; while (IS_DIGIT(*p));
  }
  if (*p == point) {
    p++;
    if (!IS_DIGIT(*p)) return 0;
    do p++; while (IS_DIGIT(*p));
  }
  /* 30 digits and such exponents are surely neither infinite nor zero by underflow. */
  if (p - start > 30) return 0;
  if ((*p | 32) != 'e') return p;
  p++;
  p += *p == '-' || *p == '+';
  u32 exponent = 0;
  const u8 *first = p;
  while (IS_DIGIT(*p) && p - first < 3) exponent = exponent * 10 + (*p++ - '0');
  return p == first || p - first > 2 || exponent > (is_float ? 8 : 99) ? 0 : p;
}

static inline const u8 *end_of_decimal(const u8 *p, const struct step *step, u32 point) {
  p += *p == '-';
  const u8 *first = p;
  if (*p == '0') p++;
  else {
    while (IS_DIGIT(*p)) p++;
    if (p == first || (u32)(p - first) > step->integer_digits) return 0;
  }
  if (*p != point) return p - first > 40 ? 0 : p;
  const u8 *mark = ++p;
  while (IS_DIGIT(*p)) p++;
  return p == mark || (u32)(p - mark) > step->fraction_digits ? 0 : p;
}

static inline const u8 *end_of_boolean(const u8 *p) {
  u32 word;
  switch (*p | 32) {
    case 't':
      __builtin_memcpy(&word, p, 4);
      return (word | 0x20202020) == 0x65757274 ? p + 4 : p + 1;
    case 'f':
      __builtin_memcpy(&word, p + 1, 4);
      return (word | 0x20202020) == 0x65736c61 ? p + 5 : p + 1;
    case 'y': return (p[1] | 32) == 'e' && (p[2] | 32) == 's' ? p + 3 : p + 1;
    case 'n': return (p[1] | 32) == 'o' ? p + 2 : p + 1;
    default: return *p == '0' || *p == '1' ? p + 1 : 0;
  }
}

static inline u8 *write_boolean(u8 *o, u32 first) {
  u32 letter = first | 32;
  if (letter == 't' || letter == 'y' || first == '1') {
    __builtin_memcpy(o, "true", 4);
    return o + 4;
  }
  __builtin_memcpy(o, "false", 5);
  return o + 5;
}

static inline u32 is_day(u32 year, u32 month, u32 day) {
  if (year == 0 || month - 1 > 11 || day - 1 > 30) return 0;
  if (day <= 28) return 1;
  return day <= (month == 2                                            ? (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28)
                 : month == 4 || month == 6 || month == 9 || month == 11 ? 30
                                                                         : 31);
}

/* Which of 16 bytes are digits, a bit for each. */
static inline u32 digit_bits(v128_t v) {
  return wasm_i8x16_bitmask(wasm_u8x16_lt(wasm_i8x16_sub(v, wasm_i8x16_splat('0')), wasm_i8x16_splat(10)));
}

static inline const u8 *end_of_date(const u8 *p) {
  /* All of 0123-56-89 at once: digits where digits belong. */
  u32 digits = digit_bits(wasm_v128_load(p));
  if ((digits & 0x36f) != 0x36f || p[4] != '-' || p[7] != '-') return 0;
  u32 month = p[5] * 10 + p[6] - 528, day = p[8] * 10 + p[9] - 528;
  return is_day(p[0] * 1000 + p[1] * 100 + p[2] * 10 + p[3] - 53328, month, day) ? p + 10 : 0;
}

/* Up to the zone, which is Z or nothing. */
static inline const u8 *end_of_time(const u8 *p) {
  if (!end_of_date(p) || (p[10] != 'T' && p[10] != ' ')) return 0;
  const u8 *t = p + 11;
  if (!IS_DIGIT(t[0]) || !IS_DIGIT(t[1]) || t[2] != ':' || (u32)(t[3] - '0') > 5 || !IS_DIGIT(t[4]) || t[5] != ':' ||
      (u32)(t[6] - '0') > 5 || !IS_DIGIT(t[7]) || t[0] * 10 + t[1] - 528 > 23)
    return 0;
  t += 8;
  if (*t != '.') return t;
  const u8 *first = ++t;
  while (IS_DIGIT(*t)) t++;
  return t == first || t - first > 9 ? 0 : t;
}

/* Two digits, or 00 where the field is not there, to `to`; their number. */
static inline u32 field(u8 *to, const u8 *p, u32 place) {
  __builtin_memcpy(to, place == NO_PLACE ? (const u8 *)"00" : p + place, 2);
  return to[0] * 10 + to[1] - 528;
}

/* A text with digits at fixed places, as the day or moment in UTC that it is; its end, or 0. The same as time-fixed.ts. */
static inline const u8 *fixed(const u8 *p, const struct step *step, u8 **at) {
  const u8 *template = keys + step->template_at;
  u32 digits = 0, same = 0;
  for (u32 k = 0; k < 32; k += 16) {
    v128_t v = wasm_v128_load(p + k);
    digits |= digit_bits(v) << k;
    same |= (u32)wasm_i8x16_bitmask(wasm_i8x16_eq(v, wasm_v128_load(template + k))) << k;
  }
  u32 wanted = step->length == 32 ? ~0u : (1u << step->length) - 1;
  if ((((digits & step->digits) | (same & ~step->digits)) & wanted) != wanted) return 0;
  u8 *o = *at;
  *o++ = '"';
  u32 year = field(o, p, step->year) * 100;
  year += field(o + 2, p, step->year + 2);
  u32 month = field(o + 5, p, step->month), day = field(o + 8, p, step->day);
  if (!is_day(year, month, day)) return 0;
  o[4] = o[7] = '-';
  o += 10;
  if (!step->is_date) {
    if (field(o + 1, p, step->hour) > 23 || field(o + 4, p, step->minute) > 59 || field(o + 7, p, step->second) > 59) return 0;
    o[0] = 'T';
    o[3] = o[6] = ':';
    o += 9;
    if (step->fraction_length > 0) {
      *o++ = '.';
      blocks(o, p + step->fraction, step->fraction_length);
      o += step->fraction_length;
    }
    *o++ = 'Z';
  }
  *o++ = '"';
  *at = o;
  return p + step->length;
}

/*
 * Checks the value of a step that begins at p and writes it at *o; its end, or 0 for a hole. Not for texts. `point` is the
 * decimal separator that this value may have.
 */
static inline const u8 *typed(const u8 *p, const struct step *step, u32 point, u8 **at) {
  u8 *o = *at;
  const u8 *e;
  switch (step->op) {
    case INTEGER:
      e = end_of_integer(p, step);
      if (!e) return 0;
      blocks(o, p, 20);
      o += e - p;
      break;
    case REAL:
    case DECIMAL: {
      u32 quoted = step->op == DECIMAL;
      e = quoted ? end_of_decimal(p, step, point) : end_of_real(p, point, step->is_float);
      if (!e) return 0;
      if (quoted) *o++ = '"';
      blocks(o, p, e - p);
      if (point != '.')
        for (u32 k = 0; k < (u32)(e - p); k++)
          if (o[k] == point) o[k] = '.';
      o += e - p;
      if (quoted) *o++ = '"';
      break;
    }
    case BOOLEAN:
      e = end_of_boolean(p);
      if (!e) return 0;
      o = write_boolean(o, *p);
      break;
    case DATE:
      e = end_of_date(p);
      if (!e) return 0;
      *o++ = '"';
      blocks(o, p, 10);
      o += 10;
      *o++ = '"';
      break;
    case TIMESTAMP:
      e = end_of_time(p);
      if (!e) return 0;
      *o++ = '"';
      blocks(o, p, e - p);
      o[10] = 'T';
      o += e - p;
      *o++ = 'Z';
      *o++ = '"';
      if (*e == 'Z') e++;
      break;
    case READ:
      return fixed(p, step, at);
    default:
      return 0;
  }
  *at = o;
  return e;
}
