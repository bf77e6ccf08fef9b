/** The columns of the two Apache access logs: what their patterns capture is known, so the schema may be left out. */
import type { Column, ColumnType } from '../definition.ts'
import type { Expanded } from './expand.ts'

const COMMON = ['%{COMMONAPACHELOG}', '%{HTTPD_COMMONLOG}']
const COMBINED = ['%{COMBINEDAPACHELOG}', '%{HTTPD_COMBINEDLOG}']

const COMMON_COLUMNS = [
  column('clientip'),
  column('ident'),
  column('auth'),
  column('timestamp'),
  column('verb'),
  column('request'),
  column('httpversion'),
  column('rawrequest'),
  column('response', 'int'),
  column('bytes', 'long'),
]
const COMBINED_COLUMNS = [...COMMON_COLUMNS, column('referrer'), column('agent')]

/** None unless every pattern is one of the two, as it is bundled. */
export function apacheColumns(patterns: { text: string; uses: Expanded['uses'] }[]): Column[] {
  const isKnown = patterns.every(
    ({ text, uses }) =>
      [...COMMON, ...COMBINED].includes(text) && [...uses].filter(({ origin }) => origin).length === 1,
  )
  if (!isKnown) return []
  return patterns.some(({ text }) => COMBINED.includes(text)) ? COMBINED_COLUMNS : COMMON_COLUMNS
}

function column(name: string, kind: 'string' | 'int' | 'long' = 'string'): Column {
  const type: ColumnType = { kind }
  return {
    name,
    type,
    source: name,
    nullable: true,
    default: undefined,
    onInvalid: 'skip',
    trim: false,
    decimalSeparator: '.',
    thousandsSeparator: '',
  }
}
