/** Each executor: does it answer, how are readers shut in, does its clock agree with ours. */
import type { RowcastError } from '../errors.ts'
import { type Finding, failure } from './finding.ts'

/** What an executor says of itself; the part of the client's answer that is looked at. */
export interface ExecutorLook {
  address: string
  error: RowcastError | undefined
  info:
    | {
        version: string
        pythonVersion: string
        isolation: 'full' | 'reduced'
        isolationReason: string
        draining: boolean
        sessions: number
        readers: number
        maxReaders: number
        skewMs: number
        skewErrorMs: number
      }
    | undefined
}

/** Beyond it times of spans and logs of the two halves no longer tell what came first. */
const MOST_SKEW_MS = 1_000

export function judgeExecutors(looks: ExecutorLook[], version: string): Finding[] {
  return looks.flatMap(({ address, info, error }) =>
    info ? judge(address, info, version) : [failure('executor', error)],
  )
}

function judge(address: string, info: NonNullable<ExecutorLook['info']>, version: string): Finding[] {
  const places = info.maxReaders > 0 ? ` of ${info.maxReaders}` : ''
  const found: Finding[] = [
    {
      check: 'executor',
      status: 'ok',
      message: `${address}: version ${info.version}, Python ${info.pythonVersion}, ${info.sessions} sessions, ${info.readers}${places} readers${info.draining ? ', draining' : ''}`,
    },
  ]
  const warn = (check: string, message: string, fix: string) =>
    found.push({ check, status: 'warning', message: `${address}: ${message}`, fix })
  if (info.isolation === 'full') found.push({ check: 'isolation', status: 'ok', message: `${address}: isolation full` })
  else
    warn(
      'isolation',
      `isolation reduced (${info.isolationReason}): connectors are shut in less than they could be`,
      'run the executor on Linux 6.12 or newer, where user namespaces and seccomp are allowed; until then run only connectors that you trust',
    )
  if (info.draining)
    warn('executor', 'it is about to end and takes no new sessions', 'start another, or wait until it is back')
  if (info.version !== version)
    warn('version', `it is version ${info.version}, this is ${version}`, 'run the same version on both sides')
  const skew = Math.abs(info.skewMs) - info.skewErrorMs
  if (skew > MOST_SKEW_MS)
    warn('clock', `its clock is ${(info.skewMs / 1000).toFixed(1)} s from ours`, 'keep both hosts to time by NTP')
  else
    found.push({
      check: 'clock',
      status: 'ok',
      message: `${address}: its clock agrees with ours to ${Math.ceil(Math.abs(info.skewMs) + info.skewErrorMs)} ms`,
    })
  return found
}
