/** A parsing thread: answers each message of pieces with the frames that came of it. */
import { parentPort } from 'node:worker_threads'
import { JobRunner } from './job-runner.ts'
import type { Answer, ToWorker } from './messages.ts'
import type { Program } from './program.ts'
import type { Limits } from './rows.ts'

const port = parentPort!
const programs = new Map<string, Program>()
const jobs = new Map<number, { program: string; runner: JobRunner }>()
/** Runners without a job, by program: a new one costs more than many small fragments. */
const idle = new Map<string, JobRunner[]>()

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'program':
      programs.set(message.program.id, message.program)
      break
    case 'open':
      open(message.job, message.program, message.limits)
      break
    case 'data':
      jobs.get(message.job)!.runner.take(message)
      break
    case 'more':
      jobs.get(message.job)?.runner.more()
      break
    case 'close':
      close(message.job)
      break
  }
})

function open(job: number, program: string, limits: Limits): void {
  const runner = idle.get(program)?.pop() ?? new JobRunner(programs.get(program)!, limits, send)
  runner.open(job, limits)
  jobs.set(job, { program, runner })
}

function close(job: number): void {
  const { program, runner } = jobs.get(job)!
  jobs.delete(job)
  runner.close(() => {
    const runners = idle.get(program)
    if (runners) runners.push(runner)
    else idle.set(program, [runner])
  })
}

function send(answer: Answer): void {
  const { bytes, index } = answer.frames
  const transfer = [index.buffer as ArrayBuffer]
  if (bytes.length > 0) transfer.push(bytes.buffer as ArrayBuffer)
  port.postMessage(answer, transfer)
}
