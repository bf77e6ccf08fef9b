import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { PARSER_TYPES } from '../../../orchestrator/connector/definition.ts'
import { connectorJsonSchema, connectorJsonSchemaText } from '../../../orchestrator/connector/json-schema.ts'
import { nearest } from '../../../orchestrator/nearest.ts'

interface Schema {
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  oneOf?: Schema[]
  additionalProperties?: boolean
}

describe('the JSON Schema of connector.yaml', () => {
  it('is the committed one (npm run gen writes it)', () => {
    const committed = new URL('../../../orchestrator/connector/connector.schema.json', import.meta.url)
    expect(readFileSync(committed, 'utf8')).toBe(connectorJsonSchemaText())
  })

  it('knows the keys, which of them are required, and no others', () => {
    const schema = connectorJsonSchema() as Schema & { $schema: string }
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema')
    expect(Object.keys(schema.properties ?? {})).toEqual([
      'name',
      'code',
      'pip',
      'credentials',
      'parser',
      'schema',
      'refresh',
      'rejects',
      'limits',
    ])
    expect(schema.required).toEqual(['name'])
    const column = schema.properties?.['schema']?.properties?.['columns']?.items
    expect(column?.required).toEqual(['name', 'type'])
    expect(schema.properties?.['parser']?.oneOf).toHaveLength(PARSER_TYPES.length)
    closed(schema)
  })
})

function closed(schema: Schema): void {
  if (schema.properties) expect(schema.additionalProperties).toBe(false)
  const parts = [...Object.values(schema.properties ?? {}), ...(schema.oneOf ?? [])]
  for (const part of schema.items ? [...parts, schema.items] : parts) closed(part)
}

describe('the nearest word', () => {
  it.for([
    ['parsr', 'parser'],
    ['scheam', 'schema'],
    ['Limits', 'limits'],
    ['nam', 'name'],
    ['foo', undefined],
    ['', undefined],
  ] as const)('of %s is %s', ([word, expected]) => {
    expect(nearest(word, ['name', 'parser', 'schema', 'limits'])).toBe(expected)
  })
})
