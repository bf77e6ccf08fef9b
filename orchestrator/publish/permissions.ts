/** What each NATS user may do, as data for a server's configuration (deploy.md section 6). */
export interface Permissions {
  publish: string[]
  subscribe: string[]
}

/** Each user has its own reply subjects, so that none can read the replies of another. */
export const ORCHESTRATOR_INBOX = '_INBOX_rowcast'
export const READER_INBOX = '_INBOX_reader'

/**
 * The orchestrator: publishes rows under their private name, makes and asks streams, sees its own probes. It needs no
 * right on `rows.>`, and has none: what is there has gone through the stream.
 */
export function orchestratorPermissions(inbox = ORCHESTRATOR_INBOX): Permissions {
  return {
    publish: ['_rowcast.in.>', '_rowcast.ctl.>', '$JS.API.>'],
    subscribe: [`${inbox}.>`, 'rows.*._probe.>'],
  }
}

/**
 * A reader of one connector, or of all: core subscriptions, ordered consumers, direct gets. It can publish no row and
 * change no stream. A wildcard stands for a whole token, so `ROWS_*` cannot be written: without a connector it may read
 * every stream of its account.
 */
export function readerPermissions(connector?: string, inbox = READER_INBOX): Permissions {
  const stream = connector === undefined ? '*' : `ROWS_${connector}`
  return {
    publish: [
      `$JS.API.STREAM.INFO.${stream}`,
      // With several filters the consumer's name is in the body, with one it is in the subject.
      `$JS.API.CONSUMER.CREATE.${stream}`,
      `$JS.API.CONSUMER.CREATE.${stream}.>`,
      `$JS.API.CONSUMER.INFO.${stream}.>`,
      `$JS.API.CONSUMER.DELETE.${stream}.>`,
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.>`,
      `$JS.API.DIRECT.GET.${stream}`,
      `$JS.API.DIRECT.GET.${stream}.>`,
      `$JS.ACK.${stream}.>`,
      `$JS.FC.${stream}.>`,
    ],
    subscribe: [connector === undefined ? 'rows.>' : `rows.${connector}.>`, `${inbox}.>`],
  }
}
