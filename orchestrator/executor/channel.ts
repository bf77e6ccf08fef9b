/** The gRPC channel to one executor and the one right way to read a stream from it. */
import type { SecureContext } from 'node:tls'
import { ChannelCredentials, type ChannelOptions, type ClientReadableStream, Metadata } from '@grpc/grpc-js'
import { ExecutorServiceClient } from '../gen/rowcast/v1/executor.ts'
import { EXECUTOR_NAME } from './tls.ts'

/** Idempotent calls only, and only when the server was not reached; the streams are never retried here. */
const retried = ['GetInfo', 'OpenSession', 'CloseSession'].map((method) => ({
  service: 'rowcast.v1.ExecutorService',
  method,
}))

const OPTIONS: ChannelOptions = {
  // ≥ 2 × the largest message: 64 KiB cost 2.1 s of CPU per GiB in Node, 4 MiB 0.8–1.3 (measured).
  'grpc-node.flow_control_window': 4 << 20,
  'grpc.max_receive_message_length': 8 << 20,
  'grpc.max_send_message_length': 4 << 20,
  // Without keepalive a frozen peer is never noticed; streams have no deadline, which would time the consumer.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 500,
  'grpc.max_reconnect_backoff_ms': 5_000,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config': JSON.stringify({
    methodConfig: [
      {
        name: retried,
        retryPolicy: {
          maxAttempts: 4,
          initialBackoff: '0.2s',
          maxBackoff: '2s',
          backoffMultiplier: 2,
          retryableStatusCodes: ['UNAVAILABLE'],
        },
      },
    ],
  }),
}

/** Deadline of control calls. */
export const CONTROL_MS = 10_000

/** A client for the executor at `address`; without `tls` in plain text. Connects on the first call. */
export function connect(address: string, tls?: SecureContext): ExecutorServiceClient {
  if (!tls) return new ExecutorServiceClient(address, ChannelCredentials.createInsecure(), OPTIONS)
  const named = { 'grpc.ssl_target_name_override': EXECUTOR_NAME, 'grpc.default_authority': EXECUTOR_NAME }
  return new ExecutorServiceClient(address, ChannelCredentials.createFromSecureContext(tls), { ...OPTIONS, ...named })
}

export function authorization(token: string | undefined): Metadata {
  const metadata = new Metadata()
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
  return metadata
}

/**
 * Makes a server stream safe to iterate. grpc-js does not cancel a call whose iteration ends early (grpc-node #1238): the
 * server would stay in its `yield` for ever. Only for `for await`, never with a queueing 'data' handler.
 */
export function openStream<T>(call: ClientReadableStream<T>, signal?: AbortSignal): AsyncIterable<T> {
  call.on('error', () => {}) // a late error after the stream was left must not end the process
  const abort = () => call.cancel()
  call.once('close', () => {
    call.cancel()
    signal?.removeEventListener('abort', abort)
  })
  if (signal?.aborted) abort()
  else
    signal?.addEventListener('abort', abort, { once: true })
    // Messages, not bytes; the default of 16 lets 16 MiB pile up (a test compares how far the server runs ahead).
  ;(call as unknown as { _readableState: { highWaterMark: number } })._readableState.highWaterMark = 2
  return call
}
