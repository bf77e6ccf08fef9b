/** The schema as subscribers get it: one message per schema, stored before the first row that uses it (delivery.md section 7). */
import { createHash } from 'node:crypto'
import type { Column, ColumnType, Connector } from './definition.ts'
import { formatType } from './types.ts'

/**
 * `id` is the hash of `body`, so the same columns are the same schema wherever they come from. `body` has the columns with
 * their types and defaults, and a JSON Schema of one NDJSON row.
 */
export function announceSchema({ name, columns }: Pick<Connector, 'name' | 'columns'>): { id: string; body: string } {
  // Put together as text: a default keeps its digits (promise 7).
  const body = `{"connector":${JSON.stringify(name)},"columns":[${columns.map(columnText).join(',')}],"row":${rowSchema(columns)}}`
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 16)
  return { id: `${name}-${hash}`, body }
}

function columnText({ name, type, nullable, default: text }: Column): string {
  const head = JSON.stringify({ name, type: formatType(type), nullable }).slice(0, -1)
  return text === undefined ? `${head}}` : `${head},"default":${text}}`
}

function rowSchema(columns: Column[]): string {
  return JSON.stringify({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: Object.fromEntries(columns.map(({ name, type, nullable }) => [name, valueSchema(type, nullable)])),
    required: columns.map(({ name }) => name),
    additionalProperties: false,
  })
}

function valueSchema(type: ColumnType, nullable: boolean): object {
  if (type.kind === 'json') return {}
  const { type: word, ...rest } = jsonType(type)
  return { type: nullable ? [word, 'null'] : word, ...rest }
}

function jsonType(type: ColumnType): { type: string } & Record<string, unknown> {
  switch (type.kind) {
    case 'boolean':
      return { type: 'boolean' }
    case 'byte':
      return { type: 'integer', minimum: -128, maximum: 127 }
    case 'short':
      return { type: 'integer', minimum: -32768, maximum: 32767 }
    case 'int':
      return { type: 'integer', format: 'int32', minimum: -2147483648, maximum: 2147483647 }
    // The largest long has no exact double, so its bounds are left to the format.
    case 'long':
      return { type: 'integer', format: 'int64' }
    case 'float':
    case 'double':
      return { type: 'number', format: type.kind }
    case 'decimal':
      return {
        type: 'string',
        pattern: `^-?[0-9]{1,${Math.max(type.precision - type.scale, 1)}}${fraction(type.scale)}$`,
      }
    case 'binary':
      return { type: 'string', contentEncoding: 'base64' }
    case 'list':
      return { type: 'array', items: valueSchema(type.element, true) }
    case 'map':
      return { type: 'object', additionalProperties: valueSchema(type.value, true) }
    case 'struct':
      return {
        type: 'object',
        properties: Object.fromEntries(type.fields.map((field) => [field.name, valueSchema(field.type, true)])),
        required: type.fields.map(({ name }) => name),
        additionalProperties: false,
      }
    case 'date':
      return { type: 'string', format: 'date' }
    case 'timestamp':
      return { type: 'string', format: 'date-time' }
    default:
      return { type: 'string' }
  }
}

const fraction = (scale: number) => (scale === 0 ? '' : `(\\.[0-9]{1,${scale}})?`)
