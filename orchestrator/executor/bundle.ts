/** Sends a connector's code to an executor that does not have it. */
import type { Metadata } from '@grpc/grpc-js'
import type { ExecutorServiceClient } from '../gen/rowcast/v1/executor.ts'

export interface Bundle {
  /** As `BundleHeader.sha256` of the proto says. */
  sha256: string
  files: { path: string; data: Uint8Array }[]
}

const PIECE = 1 << 20

export async function putBundle(client: ExecutorServiceClient, metadata: Metadata, bundle: Bundle): Promise<void> {
  const bytes = bundle.files.reduce((sum, file) => sum + file.data.length, 0)
  await new Promise<void>((resolve, reject) => {
    const call = client.putBundle(metadata, (error) => (error ? reject(error) : resolve()))
    call.write({ part: { $case: 'header', value: { sha256: bundle.sha256, bytes: BigInt(bytes) } } })
    for (const { path, data } of bundle.files) {
      for (let at = 0; at === 0 || at < data.length; at += PIECE) {
        const last = at + PIECE >= data.length
        call.write({ part: { $case: 'file', value: { path, data: Buffer.from(data.subarray(at, at + PIECE)), last } } })
      }
    }
    call.end()
  })
}
