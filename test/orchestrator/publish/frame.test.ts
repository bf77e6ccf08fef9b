import { headers } from '@nats-io/transport-node'
import { expect, test } from 'vitest'
import {
  attemptLines,
  encodeHeaders,
  frameLines,
  markerLines,
  parseHeaders,
  readFrame,
  rejectsLines,
  tombstoneLines,
} from '../../../orchestrator/publish/frame.ts'
import { encodeRejects } from '../../../orchestrator/publish/rejects.ts'
import { reject } from './harness.ts'

const attempt = {
  name: 'a/ü\r\n',
  generation: 7,
  version: '0123456789abcdef',
  schema: 's-1',
  refresh: 'r',
  traceparent: 't',
}
const end = { fingerprint: 'é 1', frames: 3, rows: 30, rejected: 2, bytes: 99, crc32: 0xdeadbeef, firstSequence: 5 }

function text(lines: string): string {
  return Buffer.from(encodeHeaders(lines)).toString()
}

test('a header block is what the client would have made', () => {
  const same = headers()
  same.set('Rowcast-Frame', '2')
  same.set('Rowcast-First-Row', '20')
  // biome-ignore lint/suspicious/noExplicitAny: encode() is not in the public type
  expect(text(frameLines(2, 20))).toBe(Buffer.from((same as any).encode()).toString())
})

test('headers read back as they were written, whatever the name', () => {
  const block = text(attemptLines(attempt) + frameLines(2, 20) + markerLines(end))
  expect(readFrame(parseHeaders(block))).toEqual({
    kind: 'rows',
    name: attempt.name,
    generation: 7,
    version: attempt.version,
    schema: 's-1',
    refresh: 'r',
    frame: 2,
    firstRow: 20,
    encoding: '',
    marker: end,
  })
})

test('headers that would say 0 are left out', () => {
  const block =
    attemptLines(attempt) + frameLines(0, 0) + markerLines({ ...end, rejected: 0, firstSequence: undefined })
  expect(block).not.toMatch(/First-Row|Rejected|First-Sequence/)
  expect(block).toMatch(/Rowcast-Frame: 0\r\n/)
  expect(block).toMatch(/Rowcast-Crc32: deadbeef\r\n/)
})

test('a tombstone and its rejects live 30 days, other rejects as long as their fragment', () => {
  expect(tombstoneLines(attempt)).toMatch(/Nats-TTL: 720h/)
  expect(rejectsLines(attempt, true)).toMatch(/Nats-TTL: 720h/)
  expect(rejectsLines(attempt, false)).not.toMatch(/TTL/)
})

test('rejects are cut to fit into 1 MiB, none is dropped', () => {
  const many = Array.from({ length: 1000 }, (_, index) => reject(index, 'x'.repeat(16_384)))
  const lines = Buffer.from(encodeRejects(many)).toString().trimEnd().split('\n')
  expect(Buffer.byteLength(lines.join('\n'))).toBeLessThanOrEqual(1_048_576)
  expect(lines).toHaveLength(1000)
  expect(JSON.parse(lines[3]!)).toMatchObject({
    row_number: 3,
    line: 4,
    byte_offset: 30,
    column: 'a',
    code: 'row.value',
    message: 'not a number',
  })
  expect(JSON.parse(lines[3]!).raw).toMatch(/^x+$/)
})
