/** Serves `/metrics` over HTTP, and nothing else. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DefinitionError, LinkError } from '../errors.ts'
import type { Metrics } from './metrics.ts'

export interface Listen {
  host: string
  port: number
}

export interface MetricsServer {
  /** host:port that it listens on. */
  readonly address: string
  close(): Promise<void>
}

/** Scrapers are few; who opens more connections is none. */
const MOST_CONNECTIONS = 64
const REQUEST_MS = 10_000

/** `9464` and `:9464` are this host only; `0.0.0.0:9464` is every address. Throws DefinitionError `config.usage`. */
export function parseListen(text: string): Listen {
  const [, ipv6, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]:|([^:[\]]*):)?(\d{1,5})$/.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535)
    throw new DefinitionError(
      `--metrics ${text}: expected HOST:PORT, or a port alone for this host only`,
      undefined,
      'config.usage',
    )
  return { host: ipv6 || name || '127.0.0.1', port: Number(port) }
}

/** Port 0: any free one. Throws LinkError `metrics.start_failed`. */
export async function serveMetrics(metrics: Metrics, { host, port }: Listen): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
    void answer(metrics, request, response)
  })
  server.maxConnections = MOST_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const message = `metrics cannot be served on ${host}:${port} (${cause.code}); choose another address with --metrics`
      reject(new LinkError('metrics.start_failed', message, { cause }))
    })
    server.listen(port, host, resolve)
  })
  const bound = server.address() as AddressInfo
  return {
    address: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(metrics: Metrics, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url?.split('?')[0]
  if (path !== '/metrics') return end(response, 404, 'text/plain', 'there is /metrics, and nothing else\n')
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return end(response.setHeader('Allow', 'GET, HEAD'), 405, 'text/plain', 'GET or HEAD\n')
  try {
    const open = request.headers.accept?.includes('application/openmetrics-text')
    const { contentType, body } = await metrics.scrape(open ? 'openmetrics' : 'prometheus')
    end(response, 200, contentType, request.method === 'HEAD' ? '' : body)
  } catch {
    // Telemetry never fails a refresh, and tells a stranger nothing of what went wrong.
    end(response, 500, 'text/plain', 'the metrics could not be gathered\n')
  }
}

function end(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type }).end(body)
}
