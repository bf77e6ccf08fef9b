/** The JSON Schema of connector.yaml, for editors. `npm run gen` writes it beside this file. */
import * as z from 'zod'
import { connectorFile } from './schema.ts'

export function connectorJsonSchema(): object {
  const { $schema, ...rest } = z.toJSONSchema(connectorFile, { io: 'input' })
  return { $schema, title: 'Rowcast connector.yaml', ...rest }
}

/** Exactly the text of connector.schema.json. */
export function connectorJsonSchemaText(): string {
  return `${JSON.stringify(connectorJsonSchema(), null, 2)}\n`
}
