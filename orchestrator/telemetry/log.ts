/** JSON log lines on stderr, and sentences where a person watches. */
import { pino } from 'pino'

export type Level = 'debug' | 'info' | 'warn' | 'error'
export type Log = (level: Level, message: string, fields?: Record<string, unknown>) => void

/** One JSON object a line: `time` (RFC 3339), `level`, `msg`, `service`, then the fields. */
export function jsonLog(write: (line: string) => void, level: Level): Log {
  const logger = pino(
    {
      level,
      base: { service: 'rowcast-orchestrator' },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'msg',
    },
    { write },
  )
  return (at, message, fields = {}) => logger[at](fields, message)
}

/** For a terminal: `warning: …`; debug and info stay silent. */
export function plainLog(write: (line: string) => void): Log {
  return (level, message) => {
    if (level === 'warn') write(`warning: ${message}\n`)
    if (level === 'error') write(`error: ${message}\n`)
  }
}
