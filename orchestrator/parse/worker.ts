/** A parsing thread: answers each message of pieces with the frames that came of it, in one message. */
import { parentPort } from 'node:worker_threads'
import { FragmentParser } from './fragment.ts'
import { DROP, END, PIECE_FIELDS, type ToWorker } from './messages.ts'
import { Output } from './output.ts'
import type { Program } from './program.ts'
import type { Limits } from './rows.ts'

interface Job {
  program: string
  parser: FragmentParser
  /** The fragment under way, -1 for none. */
  fragment: number
}

const port = parentPort!
const out = new Output()
const programs = new Map<string, Program>()
const jobs = new Map<number, Job>()
/** Parsers without a job, by program: a new one costs more than many small fragments. */
const idle = new Map<string, FragmentParser[]>()

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'program':
      programs.set(message.program.id, message.program)
      break
    case 'open':
      open(message.job, message.program, message.limits)
      break
    case 'data':
      parse(message.job, message.bytes, message.index)
      break
    case 'close':
      close(message.job)
      break
  }
})

function open(job: number, program: string, limits: Limits): void {
  const used = idle.get(program)?.pop()
  used?.configure(limits)
  jobs.set(job, { program, parser: used ?? new FragmentParser(programs.get(program)!, out, limits), fragment: -1 })
}

function close(id: number): void {
  const job = jobs.get(id)!
  jobs.delete(id)
  out.begin(0)
  job.parser.drop()
  const parsers = idle.get(job.program)
  if (parsers) parsers.push(job.parser)
  else idle.set(job.program, [job.parser])
}

function parse(id: number, bytes: Uint8Array, index: Uint32Array): void {
  const job = jobs.get(id)!
  const { parser } = job
  out.begin(inputBytes(index))
  parser.resume()
  for (let at = 0; at < index.length; at += PIECE_FIELDS) {
    const fragment = index[at]!
    const offset = index[at + 1]!
    const end = index[at + 3]!
    if (fragment !== job.fragment) {
      // One ends before the next begins: what has no end by now never gets one.
      parser.drop()
      parser.begin(fragment)
      job.fragment = fragment
    }
    if (end === DROP) parser.drop()
    else {
      parser.push(bytes.subarray(offset, offset + index[at + 2]!))
      if (end === END) parser.end()
    }
    if (end !== 0) job.fragment = -1
  }
  parser.suspend()
  const frames = out.take()
  const transfer = [frames.index.buffer as ArrayBuffer]
  if (frames.bytes.length > 0) transfer.push(frames.bytes.buffer as ArrayBuffer)
  port.postMessage({ job: id, frames }, transfer)
}

function inputBytes(index: Uint32Array): number {
  let sum = 0
  for (let at = 2; at < index.length; at += PIECE_FIELDS) sum += index[at]!
  return sum
}
