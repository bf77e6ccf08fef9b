/** The checks of `rowcast doctor`, wired: each part looks at its own, doctor/ says what it means. */
import { fileURLToPath } from 'node:url'
import type { Config } from './config.ts'
import { credentialsOf } from './connector/credentials.ts'
import { connectorFolders } from './connector/discover.ts'
import { loadConnector } from './connector/load.ts'
import { type ConnectorLook, judgeConnectors } from './doctor/connectors.ts'
import { judgeExecutors } from './doctor/executors.ts'
import type { Check } from './doctor/finding.ts'
import { judgeHome } from './doctor/home.ts'
import { judgeNats } from './doctor/nats.ts'
import type { ExecutorClient } from './executor/client.ts'
import { Closer } from './local/closer.ts'
import { diskOf, type Home, unwritable } from './local/home.ts'
import { type EmbeddedNats, embeddedSyncsAlways } from './local/nats.ts'
import { addressOf, type ConnectOptions } from './publish/connect.ts'
import { examineNats } from './publish/examine.ts'
import { examineInstallation } from './setup/installed.mjs'
import { examineState } from './state/examine.ts'

export interface CheckDeps {
  config: Config
  version: string
  /** ./connectors */
  connectors: string
  home(): Home
  executorOf(closer: Closer): Promise<ExecutorClient>
  natsOf(closer: Closer): Promise<EmbeddedNats | undefined>
  natsAccess(own: EmbeddedNats | undefined): ConnectOptions
}

const ROOT = fileURLToPath(new URL('../', import.meta.url))
/** An executor that answers at all answers in less. */
const LOOK_MS = 5_000

/** In the order in which one would look oneself: what is installed first. */
export function doctorChecks(deps: CheckDeps): Check[] {
  const { config, version } = deps
  return [
    {
      name: 'installation',
      limitMs: 30_000,
      run: () => examineInstallation(ROOT, { python: config.python, external: config.executors.length > 0 }),
    },
    { name: 'home', limitMs: 10_000, run: async () => judgeHome(await lookAtHome(deps.home())) },
    {
      name: 'executor',
      limitMs: 40_000,
      run: () =>
        within(async (closer) =>
          judgeExecutors(await (await deps.executorOf(closer)).look({ deadlineMs: LOOK_MS }), version),
        ),
    },
    { name: 'nats', limitMs: 40_000, run: () => within(async (closer) => judgeNats(await lookAtNats(deps, closer))) },
    {
      name: 'connectors',
      limitMs: 10_000,
      run: async () =>
        judgeConnectors(
          connectorFolders(deps.connectors).map((folder) => lookAtConnector(folder, config.env)),
          deps.connectors,
          config.env['KUBERNETES_SERVICE_HOST'] !== undefined,
        ),
    },
  ]
}

/** Whatever `work` opens is closed after it. */
async function within<T>(work: (closer: Closer) => Promise<T>): Promise<T> {
  const closer = new Closer()
  try {
    return await work(closer)
  } finally {
    await closer.close()
  }
}

async function lookAtHome({ dir }: Home) {
  return { dir, unwritable: unwritable(dir), disk: diskOf(dir), ...(await examineState(dir, { pid: process.pid })) }
}

async function lookAtNats({ config, home, natsOf, natsAccess }: CheckDeps, closer: Closer) {
  // Nobody runs there: it is started. Somebody does: theirs is looked at.
  const own = await natsOf(closer)
  const access = natsAccess(own)
  const monitor = own ? undefined : config.natsMonitor
  const seen = await examineNats({ ...access, ...(monitor === undefined ? {} : { monitor }) })
  const syncAlways = own ? embeddedSyncsAlways(home()) : seen.syncAlways
  return { ...seen, address: addressOf(access.servers), embedded: own !== undefined, syncAlways }
}

function lookAtConnector(folder: string, env: Config['env']): ConnectorLook {
  const look: ConnectorLook = { folder, wrong: undefined, name: '', credentials: undefined, missing: undefined }
  try {
    const connector = loadConnector(folder)
    look.name = connector.name
    if (connector.credentials) look.credentials = 'env' in connector.credentials ? 'env' : 'file'
    try {
      credentialsOf(connector, env)
    } catch (error) {
      look.missing = error as Error
    }
  } catch (error) {
    look.wrong = error as Error
  }
  return look
}
