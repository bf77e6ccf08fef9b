/*
 * XSV records to NDJSON rows, 16 bytes at a time: one mask finds the next byte that matters, and what lies before it is
 * stored blindly. A record whose structure is out of the ordinary is left to TypeScript (SLOW), as is the last one of a
 * fragment when it has no line end.
 */
#include "shared.h"

u8 in[IN_BYTES + SPARE];
u8 out[OUT_BYTES + SPARE];
u8 keys[MAX_KEY_BYTES + SPARE];
struct step steps[MAX_STEPS];
u32 holes[MAX_HOLES][4];
u32 hole_rows[MAX_HOLES][8];
u32 done[8];

EXPORT(in_at) u8 *in_at(void) { return in; }
EXPORT(out_at) u8 *out_at(void) { return out; }
EXPORT(keys_at) u8 *keys_at(void) { return keys; }
EXPORT(steps_at) struct step *steps_at(void) { return steps; }
EXPORT(holes_at) void *holes_at(void) { return holes; }
EXPORT(hole_rows_at) void *hole_rows_at(void) { return hole_rows; }
EXPORT(done_at) u32 *done_at(void) { return done; }

static u32 delimiter, quote, comment, empty_is_null, step_count, is_reordered, cell_count;
/* What closes a row: bytes of `keys`. */
static u32 tail_at, tail_length;
/* 1: a cell that begins with this byte may be a null value of more than no bytes. */
static u8 maybe_null[256];
/* Where each cell of a record begins, for columns in another order. */
static u32 starts[MAX_STEPS];
/* 1: the last failure was one of the window's end. */
static u32 is_cut;

EXPORT(maybe_null_at) u8 *maybe_null_at(void) { return maybe_null; }

/* A quote or comment that is switched off is 256: no byte. */
EXPORT(xsv_dialect)
void xsv_dialect(u32 delimiter_, u32 quote_, u32 comment_, u32 empty_is_null_) {
  delimiter = delimiter_;
  quote = quote_;
  comment = comment_;
  empty_is_null = empty_is_null_;
}

EXPORT(xsv_layout)
void xsv_layout(u32 step_count_, u32 cell_count_, u32 is_reordered_, u32 tail_at_, u32 tail_length_) {
  step_count = step_count_;
  cell_count = cell_count_;
  is_reordered = is_reordered_;
  tail_at = tail_at_;
  tail_length = tail_length_;
}

/* Bytes that end a run: JSON's own, and `stop`. */
static inline u32 stops(v128_t v, v128_t stop) {
  v128_t found = wasm_v128_or(wasm_i8x16_eq(v, stop), wasm_u8x16_lt(v, wasm_i8x16_splat(32)));
  found = wasm_v128_or(found, wasm_i8x16_eq(v, wasm_i8x16_splat('"')));
  return wasm_i8x16_bitmask(wasm_v128_or(found, wasm_i8x16_eq(v, wasm_i8x16_splat('\\'))));
}

static inline u32 ends_cell(const u8 *p) { return *p == delimiter || *p == '\n' || (*p == '\r' && p[1] == '\n'); }

/* The end of the cell at p, 0 when its quotes are wrong or, with is_cut, not closed; adds its line ends. */
static const u8 *skip_cell(const u8 *p, const u8 *end, u32 *lines) {
  if (*p == quote) {
    v128_t q = wasm_i8x16_splat(quote), lf = wasm_i8x16_splat('\n');
    for (p++;;) {
      v128_t v = wasm_v128_load(p);
      u32 found = wasm_i8x16_bitmask(wasm_v128_or(wasm_i8x16_eq(v, q), wasm_i8x16_eq(v, lf)));
      if (!found) {
        p += 16;
        continue;
      }
      p += __builtin_ctz(found);
      if (p >= end) {
        is_cut = 1;
        return 0;
      }
      if (*p++ == '\n') {
        ++*lines;
        continue;
      }
      if (*p != quote) return ends_cell(p) ? p : 0;
      p++;
    }
  }
  v128_t d = wasm_i8x16_splat(delimiter), limit = wasm_i8x16_splat(14);
  for (;;) {
    v128_t v = wasm_v128_load(p);
    u32 found = wasm_i8x16_bitmask(wasm_v128_or(wasm_i8x16_eq(v, d), wasm_u8x16_lt(v, limit)));
    if (!found) {
      p += 16;
      continue;
    }
    p += __builtin_ctz(found);
    if (ends_cell(p)) return p;
    p++;
  }
}

/* Copies the text at p as a JSON string to *o; its end, or 0 when it is none or runs out of room. */
static inline const u8 *copy_text(const u8 *p, const u8 *end, u8 **at, const u8 *room, u32 *lines) {
  u8 *o = *at;
  u32 is_quoted = *p == quote;
  v128_t stop = wasm_i8x16_splat(is_quoted ? quote : delimiter);
  p += is_quoted;
  *o++ = '"';
  for (;;) {
    if (o > room) {
      *at = o;
      return 0;
    }
    v128_t v = wasm_v128_load(p);
    wasm_v128_store(o, v);
    u32 found = stops(v, stop);
    if (!found) {
      o += 16;
      p += 16;
      continue;
    }
    u32 run = __builtin_ctz(found);
    p += run;
    o += run;
    u32 c = *p;
    if (is_quoted) {
      if (p >= end) return 0;
      if (c == quote) {
        p++;
        if (*p != quote) {
          if (!ends_cell(p)) return 0;
          break;
        }
        if (p >= end) return 0;
        if (c != '"') {
          *o++ = c;
          p++;
          continue;
        }
      } else if (c == '\n') ++*lines;
    } else if (ends_cell(p)) break;
    o = write_escape(o, c);
    p++;
  }
  *o++ = '"';
  *at = o;
  return p;
}

static inline u32 is_space(u32 c) { return c == ' ' || c == '\t'; }

/* The value of a used cell at p; its end, or 0 for a hole. */
static inline const u8 *cell(const u8 *p, const u8 *end, const struct step *step, u8 **at, const u8 *room, u32 *lines) {
  u32 is_quoted = *p == quote;
  if (!is_quoted) {
    if (maybe_null[*p]) return 0;
    if (empty_is_null && ends_cell(p)) {
      if (!step->null_is_plain) return 0;
      *at = write_null(*at);
      return p;
    }
  }
  if (step->op == STRING) {
    const u8 *e = copy_text(p, end, at, room, lines);
    if (e && step->trims && (is_space(p[is_quoted]) || is_space(e[-1 - (int)is_quoted]))) return 0;
    return e;
  }
  const u8 *e = typed(p + is_quoted, step, step->point, at);
  if (!e || (is_quoted && *e != quote)) return 0;
  e += is_quoted;
  return ends_cell(e) ? e : 0;
}

/*
 * Takes records from in[from, n) until one of: the input ends, `most_rows`, `enough` bytes were written, a record that is
 * out of the ordinary. Rows longer than `most_out`, records longer than `most_in`, are.
 */
EXPORT(xsv_records)
u32 xsv_records(u32 from, u32 n, u32 most_rows, u32 enough, u32 most_in, u32 most_out) {
  /* Stops loops in quotes and out of them. */
  in[n] = '\n';
  in[n + 1] = quote;
  in[n + 2] = '\n';
  const u8 *end = in + n, *p = in + from;
  const u8 *room = out + OUT_BYTES - 512;
  u8 *o = out;
  u32 rows = 0, lines = 0, hole_count = 0, hole_row_count = 0, why = MORE;
  is_cut = 0;
  while (p < end) {
    if (rows >= most_rows || (u32)(o - out) >= enough) {
      why = FULL;
      break;
    }
    const u8 *start = p;
    u8 *row = o;
    u32 row_lines = 0, row_holes = hole_count;
    if (*p == '\n' || *p == '\r' || *p == comment) {
      why = SLOW;
      break;
    }
    why = SLOW;
    if (is_reordered) {
      const u8 *q = p;
      u32 c = 0;
      for (;;) {
        if (c < cell_count) starts[c] = q - in;
        c++;
        q = skip_cell(q, end, &row_lines);
        if (!q || *q != delimiter || q >= end) break;
        q++;
      }
      if (q && q >= end) is_cut = 1;
      if (!q || is_cut || c != cell_count) goto leave;
      p = q;
    }
    for (u32 s = 0; s < step_count; s++) {
      const struct step *step = &steps[s];
      if (o + step->key_length > room) goto full;
      blocks(o, keys + step->key_at, step->key_length);
      o += step->key_length;
      const u8 *q = is_reordered ? in + starts[step->source] : p;
      u32 cell_lines = 0;
      u8 *value = o;
      const u8 *e = step->op >= HOLE ? 0 : cell(q, end, step, &o, room, &cell_lines);
      if (!e) {
        if (o > room) goto full;
        o = value;
        cell_lines = 0;
        e = skip_cell(q, end, &cell_lines);
        if (!e) goto leave;
        if (step->op != UNUSED) {
          if (hole_count == MAX_HOLES) goto full;
          holes[hole_count][0] = o - out;
          holes[hole_count][1] = q - in;
          holes[hole_count++][3] = step->column;
        }
      }
      if (is_reordered) continue;
      if (e >= end) {
        is_cut = 1;
        goto leave;
      }
      row_lines += cell_lines;
      p = e;
      if (s + 1 < step_count) {
        if (*p != delimiter) goto leave;
        p++;
      }
    }
    /* The line end has to be there itself, not its sentinel. */
    if (*p == '\r') p++;
    if (p >= end) {
      is_cut = 1;
      goto leave;
    }
    if (*p != '\n') goto leave;
    p++;
    if (o + tail_length > room) goto full;
    blocks(o, keys + tail_at, tail_length);
    o += tail_length;
    if ((u32)(p - start) > most_in || (u32)(o - row) > most_out) goto leave;
    if (hole_count > row_holes) {
      u32 *slot = hole_rows[hole_row_count++];
      slot[0] = start - in;
      slot[1] = p - in;
      slot[2] = row - out;
      slot[3] = o - out;
      slot[4] = rows;
      slot[5] = lines;
      slot[6] = hole_count - row_holes;
    }
    rows++;
    lines += row_lines + 1;
    why = MORE;
    continue;

  full:
    if (rows > 0) why = FULL;
  leave:
    if (is_cut) why = MORE;
    p = start;
    o = row;
    hole_count = row_holes;
    break;
  }
  done[USED] = p - in - from;
  done[WRITTEN] = o - out;
  done[ROWS] = rows;
  done[LINES] = lines;
  done[HOLES] = hole_count;
  done[HOLE_ROWS] = hole_row_count;
  return why;
}
