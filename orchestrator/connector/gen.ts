/** `node orchestrator/connector/gen.ts`: writes connector.schema.json beside this file. Part of `npm run gen`. */
import { writeFileSync } from 'node:fs'
import { connectorJsonSchemaText } from './json-schema.ts'

writeFileSync(new URL('connector.schema.json', import.meta.url), connectorJsonSchemaText())
