/** Our bzip2 against Python's, and against input that hangs others. */
import { describe, expect, it } from 'vitest'
import { bunzip2 } from '../../../../orchestrator/parse/avro/bzip2.ts'
import { Broken } from '../../../../orchestrator/parse/avro/cursor.ts'
import { chance } from '../support.ts'
import { compress, python } from './support.ts'

const MOST = 8 << 20

/** Bits, as text, to bytes. */
function bits(text: string): Uint8Array {
  const plain = text.replaceAll(' ', '')
  return Uint8Array.from({ length: Math.ceil(plain.length / 8) }, (_, at) =>
    Number.parseInt(plain.slice(at * 8, at * 8 + 8).padEnd(8, '0'), 2),
  )
}

const number = (value: number | bigint, width: number) => value.toString(2).padStart(width, '0')

/** A stream whose one block has two tables of three codes (a run of 1, a run of 2, the end), and then `codes`. */
function stream(codes: string, { origin = 0, level = '9' }: { origin?: number; level?: string } = {}): Uint8Array {
  const start = [...Buffer.from(`BZh${level}`)].map((byte) => number(byte, 8)).join('')
  const symbols = number(0x8000, 16) + number(0x8000, 16)
  const table = `${number(1, 5)} 0 10 0 0`
  return bits(
    `${start}${number(0x314159265359n, 48)}${number(0, 32)} 0 ${number(origin, 24)}${symbols} 010 ${number(1, 15)} 0 ${table}${table}${codes}${'0'.repeat(200)}`,
  )
}

describe('bzip2', { timeout: 60_000 }, () => {
  it('gives what Python put in', () => {
    const random = chance(3)
    const noise = Uint8Array.from({ length: 300_000 }, () => random() * 256)
    const text = Buffer.from(Array.from({ length: 40_000 }, (_, at) => `line ${at % 977},${at}\n`).join(''))
    const runs = Buffer.concat(Array.from({ length: 2000 }, (_, at) => Buffer.alloc(at % 270, at % 3)))
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('a'),
      Buffer.alloc(4, 1),
      Buffer.alloc(259, 1),
      Buffer.alloc(260, 1),
      noise,
      text,
      runs,
      Buffer.alloc(3_000_000, 7),
    ])
      expect(Buffer.compare(bunzip2(compress('bzip2', bytes), MOST), bytes)).toBe(0)
    for (const level of ['1', '5']) {
      const small = python(
        'import bz2,sys; sys.stdout.buffer.write(bz2.compress(sys.stdin.buffer.read(), int(sys.argv[1])))',
        [level],
        text,
      )
      expect(Buffer.compare(bunzip2(small, MOST), text)).toBe(0)
    }
  })

  it('is never larger than it may be', () => {
    expect(() => bunzip2(compress('bzip2', Buffer.alloc(MOST + 1)), MOST)).toThrow(RangeError)
    expect(bunzip2(compress('bzip2', Buffer.alloc(MOST)), MOST)).toHaveLength(MOST)
  })

  it.each<[what: string, input: Uint8Array, message: RegExp]>([
    // So many overflow 32 bits.
    ['a run of 2^32', stream(`${'0'.repeat(32)}11`), /a run larger than a block/],
    ['a run of 2^20', stream(`${'0'.repeat(20)}11`), /a block larger than it may be/],
    ['no bytes', stream('11'), /a block without its origin/],
    ['an origin behind its end', stream('011', { origin: 5 }), /a block without its origin/],
    ['no end', stream('0'.repeat(60)), /a run larger than a block/],
    ['another checksum', stream('011'), /the checksum of a block is another/],
    ['level 0', stream('11', { level: '0' }), /of a known size/],
    ['text', Buffer.from('plain text that is long enough'), /no bzip2/],
    ['nothing', Buffer.alloc(0), /cut off/],
    [
      'more behind it',
      Buffer.concat([compress('bzip2', Buffer.from('a')), Buffer.from('more')]),
      /bytes behind its end/,
    ],
  ])('refuses %s', (_, input, message) => {
    expect(() => bunzip2(input, MOST)).toThrow(Broken)
    expect(() => bunzip2(input, MOST)).toThrow(message)
  })

  it('damaged anywhere is refused, or gives what was put in', () => {
    const bytes = Buffer.from('the quick brown fox '.repeat(20))
    const good = compress('bzip2', bytes)
    for (let bit = 0; bit < good.length * 8; bit++) {
      const damaged = Buffer.from(good)
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      let found: Uint8Array | undefined
      try {
        found = bunzip2(damaged, MOST)
      } catch (error) {
        expect(error).toBeInstanceOf(Broken)
      }
      if (found) expect(Buffer.from(found).equals(bytes)).toBe(true)
    }
  })
})
