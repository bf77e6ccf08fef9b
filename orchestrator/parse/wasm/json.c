/*
 * JSON objects to NDJSON rows: one pass notes where each column's value lies, by the grammar of RFC 8259; the next writes
 * them in the schema's order. What is out of the ordinary is left to TypeScript: keys it has not met, keys with escapes,
 * records that are no objects or are wrong.
 */
#include "shared.h"

/* What a value is: as in json-row.ts. */
enum { ABSENT, NULL_VALUE, WORD, NUMBER, TEXT, ESCAPED_TEXT, CONTAINER, SPACED_CONTAINER };
/* How records follow each other: as in json.ts. */
enum { LINES_KIND = 1, VALUES_KIND, ARRAY_KIND };
/* Where a call ends, in STATE: behind a record, or where the next record or line begins. */
enum { BEHIND, BEFORE };

#define MAX_DEPTH 1024u
#define NO_COLUMN 0xffffffffu

/* A known key: its bytes with quotes in `keys`, the column that takes its value, the key that followed it last time. */
static u32 known[MAX_STEPS][4];
enum { AT, LENGTH, COLUMN, NEXT };
static u32 known_count, column_count, max_depth;

/* By column, of the record under way. */
static u32 stamps[MAX_STEPS], kinds[MAX_STEPS], value_starts[MAX_STEPS], value_ends[MAX_STEPS];
static u32 stamp;

/* Of the record under way: its line ends; whether the last failure was one of the window's end. */
static u32 lines_in, is_cut, is_single_line, is_spaced, is_escaped;
static u8 nesting[MAX_DEPTH + 2];
static const u8 *window_end;

EXPORT(known_at) void *known_at(void) { return known; }

EXPORT(json_layout)
void json_layout(u32 columns, u32 keys_known, u32 depth) {
  column_count = columns;
  known_count = keys_known;
  max_depth = depth;
}

static const u8 *fail(const u8 *p) {
  is_cut = p >= window_end;
  return 0;
}

static inline const u8 *space(const u8 *p) {
  if (*p > ' ') return p;
  for (;; p++) {
    if (*p == '\n') {
      if (is_single_line) return p;
      lines_in++;
    } else if (*p != ' ' && *p != '\r' && *p != '\t') return p;
    is_spaced = 1;
  }
}

static int unit(const u8 *p) {
  int value = 0;
  for (u32 k = 0; k < 4; k++) {
    u32 c = p[k], letter = c | 32;
    if (IS_DIGIT(c)) value = value * 16 + (c - '0');
    else if (letter >= 'a' && letter <= 'f') value = value * 16 + (letter - 'a' + 10);
    else return -1;
  }
  return value;
}

/* Behind the escape at p; 0 when it is none. A lone surrogate is no character. */
static const u8 *escape(const u8 *p) {
  switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return p + 2;
    case 'u': break;
    default: return fail(p + 1);
  }
  int first = unit(p + 2);
  if (first < 0) return fail(p + 6 >= window_end ? window_end : p);
  if (first < 0xd800 || first > 0xdfff) return p + 6;
  if (first > 0xdbff) return fail(p);
  if (p[6] != '\\' || p[7] != 'u') return fail(p + 7 >= window_end ? window_end : p);
  int second = unit(p + 8);
  return second >= 0xdc00 && second <= 0xdfff ? p + 12 : fail(p + 12 >= window_end ? window_end : p);
}

/* Behind the string whose opening quote is at p; sets is_escaped. */
static inline const u8 *string(const u8 *p) {
  is_escaped = 0;
  p++;
  for (;;) {
    v128_t v = wasm_v128_load(p);
    v128_t found = wasm_v128_or(wasm_i8x16_eq(v, wasm_i8x16_splat('"')), wasm_i8x16_eq(v, wasm_i8x16_splat('\\')));
    u32 mask = wasm_i8x16_bitmask(wasm_v128_or(found, wasm_u8x16_lt(v, wasm_i8x16_splat(32))));
    if (!mask) {
      p += 16;
      continue;
    }
    p += __builtin_ctz(mask);
    if (*p == '"') return p < window_end ? p + 1 : fail(p);
    if (*p != '\\') return fail(p);
    is_escaped = 1;
    p = escape(p);
    if (!p) return 0;
  }
}

static inline const u8 *number(const u8 *p) {
  p += *p == '-';
  if (*p == '0') p++;
  else {
    if (!IS_DIGIT(*p)) return fail(p);
    do p++; while (IS_DIGIT(*p));
  }
  if (*p == '.') {
    p++;
    if (!IS_DIGIT(*p)) return fail(p);
    do p++; while (IS_DIGIT(*p));
  }
  if ((*p | 32) == 'e') {
    p++;
    p += *p == '-' || *p == '+';
    if (!IS_DIGIT(*p)) return fail(p);
    do p++; while (IS_DIGIT(*p));
  }
  return p;
}

static inline const u8 *literal(const u8 *p) {
  u32 word;
  __builtin_memcpy(&word, p, 4);
  if (word == 0x65757274 || word == 0x6c6c756e) return p + 4;
  if (word == 0x736c6166 && p[4] == 'e') return p + 5;
  return fail(p + 5 > window_end ? window_end : p);
}

/* Behind the object or array at p, which lies inside of one bracket. */
static const u8 *container(const u8 *p) {
  u32 depth = 1;
  for (;;) {
    p = space(p);
    u32 c = *p;
    if (c == '{' || c == '[') {
      if (depth == max_depth) return fail(p);
      nesting[++depth] = c;
      p = space(p + 1);
      /* Both closing brackets are their opening one plus two. */
      if (*p == c + 2) {
        p++;
        depth--;
      } else {
        if (c == '{') goto key;
        continue;
      }
    } else {
      p = c == '"' ? string(p) : c == '-' || IS_DIGIT(c) ? number(p) : literal(p);
      if (!p) return 0;
    }
    for (;;) {
      if (depth == 1) return p;
      p = space(p);
      if (*p == ',') {
        p = space(p + 1);
        if (nesting[depth] == '{') goto key;
        break;
      }
      if (*p != nesting[depth] + 2u) return fail(p);
      p++;
      depth--;
    }
    continue;
  key:
    if (*p != '"') return fail(p);
    p = string(p);
    if (!p) return 0;
    p = space(p);
    if (*p != ':') return fail(p);
    p++;
  }
}

static inline u32 is_same(const u8 *a, const u8 *b, u32 length) {
  for (u32 k = 0; k < length; k += 16) {
    u32 differs = ~wasm_i8x16_bitmask(wasm_i8x16_eq(wasm_v128_load(a + k), wasm_v128_load(b + k))) & 0xffff;
    if (length - k < 16) differs &= (1u << (length - k)) - 1;
    if (differs) return 0;
  }
  return 1;
}

/* The known key at p, tried first where it is expected; behind it in *after. -1: none. */
static inline int find_key(const u8 *p, u32 before, const u8 **after) {
  u32 expected = known[before][NEXT];
  if (expected < known_count && is_same(p, keys + known[expected][AT], known[expected][LENGTH])) {
    *after = p + known[expected][LENGTH];
    return expected;
  }
  const u8 *e = string(p);
  if (!e || is_escaped) return -1;
  u32 length = e - p;
  for (u32 k = 0; k < known_count; k++) {
    if (known[k][LENGTH] == length && is_same(p, keys + known[k][AT], length)) {
      known[before][NEXT] = k;
      *after = e;
      return k;
    }
  }
  return -1;
}

/* Behind the object at p; notes its columns' values. */
static const u8 *object(const u8 *p) {
  /* The entry behind the last stands before the first key. */
  u32 before = MAX_STEPS - 1;
  if (++stamp == 0) {
    __builtin_memset(stamps, 0, sizeof stamps);
    stamp = 1;
  }
  p = space(p + 1);
  if (*p == '}') return p + 1;
  for (;;) {
    if (*p != '"') return fail(p);
    int k = find_key(p, before, &p);
    if (k < 0) return 0;
    before = k;
    p = space(p);
    if (*p != ':') return fail(p);
    p = space(p + 1);
    u32 c = *p, kind = WORD;
    const u8 *start = p;
    if (c == '"') {
      p = string(p);
      kind = is_escaped ? ESCAPED_TEXT : TEXT;
    } else if (c == '-' || IS_DIGIT(c)) {
      p = number(p);
      kind = NUMBER;
    } else if (c == '{' || c == '[') {
      is_spaced = 0;
      p = container(p);
      kind = is_spaced ? SPACED_CONTAINER : CONTAINER;
    } else {
      p = literal(p);
      if (c == 'n') kind = NULL_VALUE;
    }
    if (!p) return 0;
    u32 column = known[k][COLUMN];
    if (column != NO_COLUMN) {
      stamps[column] = stamp;
      kinds[column] = kind;
      value_starts[column] = start - in;
      value_ends[column] = p - in;
    }
    p = space(p);
    if (*p == '}') return p + 1;
    if (*p != ',') return fail(p);
    p = space(p + 1);
  }
}

static inline u32 is_space(u32 c) { return c == ' ' || c == '\t'; }

/* Writes a value that was noted; 0: a hole. */
static inline u32 value(const struct step *step, u32 kind, const u8 *s, const u8 *e, u8 **at, const u8 *room) {
  u8 *o = *at;
  u32 op = step->op;
  if (kind == ABSENT ? step->null_is_plain : kind == NULL_VALUE && step->is_nullable) {
    *at = write_null(o);
    return 1;
  }
  u32 is_text = kind == TEXT, is_copy = 0;
  if (op == STRING) {
    is_copy = is_text ? !step->trims || (!is_space(s[1]) && !is_space(e[-2])) : kind == ESCAPED_TEXT && !step->trims;
    if (kind == NUMBER) *o++ = '"';
    is_copy |= kind == NUMBER;
  } else if (op == JSON_VALUE) is_copy = kind >= WORD && kind <= CONTAINER;
  else if (kind == WORD) is_copy = op == BOOLEAN;
  if (is_copy) {
    if (o + (e - s) > room) {
      *at = o + (e - s);
      return 0;
    }
    blocks(o, s, e - s);
    o += e - s;
    if (op == STRING && kind == NUMBER) *o++ = '"';
    *at = o;
    return 1;
  }
  if ((kind != TEXT && kind != NUMBER) || op == STRING) return 0;
  const u8 *end = typed(s + is_text, step, is_text ? step->point : '.', &o);
  if (end != e - is_text) return 0;
  *at = o;
  return 1;
}

/*
 * Takes records from in[from, n), the first of which begins at `from`, until one of: the input ends, `most_rows`, `enough`
 * bytes were written, a record that is out of the ordinary.
 */
EXPORT(json_records)
u32 json_records(u32 from, u32 n, u32 kind, u32 most_rows, u32 enough, u32 most_in, u32 most_out) {
  /* NUL fits nowhere. */
  for (u32 k = 0; k < SPARE; k++) in[n + k] = 0;
  window_end = in + n;
  is_single_line = kind == LINES_KIND;
  const u8 *p = in + from;
  const u8 *room = out + OUT_BYTES - 512;
  u8 *o = out;
  u32 rows = 0, lines = 0, hole_count = 0, hole_row_count = 0, why = MORE, state = BEFORE;
  while (p < window_end) {
    if (rows >= most_rows || (u32)(o - out) >= enough) {
      why = FULL;
      break;
    }
    why = SLOW;
    if (*p != '{') break;
    const u8 *start = p;
    u8 *row = o;
    u32 row_holes = hole_count;
    lines_in = is_cut = 0;
    const u8 *e = object(p);
    if (!e) {
      if (is_cut) why = MORE;
      break;
    }
    u32 own_lines = lines_in;
    if (kind == LINES_KIND) {
      const u8 *q = space(e);
      if (*q != '\n' || q >= window_end) {
        if (q >= window_end) why = MORE;
        break;
      }
    }
    for (u32 c = 0; c < column_count; c++) {
      const struct step *step = &steps[c];
      if (o + step->key_length > room) goto full;
      blocks(o, keys + step->key_at, step->key_length);
      o += step->key_length;
      u32 has = stamps[c] == stamp ? kinds[c] : ABSENT;
      u8 *value_at = o;
      if (!value(step, has, in + value_starts[c], in + value_ends[c], &o, room)) {
        if (o > room || hole_count == MAX_HOLES) goto full;
        o = value_at;
        u32 *hole = holes[hole_count++];
        hole[0] = o - out;
        hole[1] = value_starts[c];
        hole[2] = value_ends[c];
        hole[3] = step->column | has << 16;
      }
    }
    *o++ = '}';
    *o++ = '\n';
    if (o > room) goto full;
    if ((u32)(e - start) > most_in || (u32)(o - row) > most_out) goto leave;
    if (hole_count > row_holes) {
      u32 *slot = hole_rows[hole_row_count++];
      slot[0] = start - in;
      slot[1] = e - in;
      slot[2] = row - out;
      slot[3] = o - out;
      slot[4] = rows;
      slot[5] = lines;
      slot[6] = hole_count - row_holes;
    }
    rows++;
    lines += own_lines;
    p = e;
    state = BEHIND;
    /* To the next record, when nothing but what belongs there lies between. */
    lines_in = 0;
    if (kind == ARRAY_KIND) {
      const u8 *q = space(p);
      if (*q != ',') break;
      q = space(q + 1);
      if (*q != '{') break;
      p = q;
      lines += lines_in;
      state = BEFORE;
    } else {
      const u8 *q = p;
      while (*q == ' ' || *q == '\t' || *q == '\r') q++;
      if (*q == '\n') {
        p = q + 1;
        lines++;
        state = BEFORE;
      } else if (*q != '{') break;
      else p = q;
    }
    why = MORE;
    continue;

  full:
    if (rows > 0) why = FULL;
  leave:
    o = row;
    hole_count = row_holes;
    break;
  }
  if (p >= window_end) why = MORE;
  done[USED] = p - in - from;
  done[WRITTEN] = o - out;
  done[ROWS] = rows;
  done[LINES] = lines;
  done[HOLES] = hole_count;
  done[HOLE_ROWS] = hole_row_count;
  done[STATE] = state;
  return why;
}
