/** The JSON Schema of connector.yaml, for editors. `npm run gen` writes it beside this file. */
import * as z from 'zod'
import { connectorFile } from './schema.ts'

export function connectorJsonSchema(): object {
  const { $schema, ...rest } = z.toJSONSchema(connectorFile, { io: 'input' })
  return { $schema, title: 'Rowcast connector.yaml', ...rest }
}

/** As the text that is committed: laid out as Biome does, short lists on one line. */
export function connectorJsonSchemaText(): string {
  const text = JSON.stringify(connectorJsonSchema(), null, 2)
  const list = /\[\n\s+([^[\]{}]*?)\n\s+\]/g
  return `${text.replace(list, (_, inner: string) => `[${inner.replace(/,\n\s+/g, ', ')}]`)}\n`
}
