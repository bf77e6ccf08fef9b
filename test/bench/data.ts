/** The 1,000,000-row CSV: 7 columns, seed 42, made once. */
import { createWriteStream, existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { random } from '../support/process.ts'

const FILE = join(import.meta.dirname, 'data', 'rows-seed42.csv')
const FIRST = ['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Frances', 'John', 'Katherine', 'Leslie']
const LAST = ['Lovelace', 'Hopper', 'Turing', 'Dijkstra', 'Liskov', 'Knuth', 'Allen', 'Backus', 'Johnson', 'Lamport']
const WORDS = [
  'shipped',
  'late',
  'gift',
  'fragile',
  'north gate',
  'call first',
  'paid',
  'second try',
  'in part',
  'returned',
]

export async function largeCsv(rows = 1_000_000): Promise<{ file: string; bytes: number }> {
  const file = rows === 1_000_000 ? FILE : FILE.replace('.csv', `-${rows}.csv`)
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true })
    const out = createWriteStream(`${file}.part`)
    const chance = random(42)
    const pick = (list: string[]) => list[Math.floor(chance() * list.length)]!
    let text = 'id,name,email,amount,created_at,active,note\n'
    for (let id = 1; id <= rows; id++) {
      const first = pick(FIRST)
      const last = pick(LAST)
      const amount = (chance() * 100_000).toFixed(2)
      const time = new Date(1_600_000_000_000 + Math.floor(chance() * 1.9e11)).toISOString().replace('.000Z', 'Z')
      const note = `${pick(WORDS)} ${pick(WORDS)}, ${pick(WORDS)}`
      text += `${id},${first} ${last},${first}.${last}${id}@example.com,${amount},${time},${chance() < 0.5},"${note}${chance() < 0.1 ? ' ""quoted""' : ''}"\n`
      if (text.length > 1 << 20) {
        if (!out.write(text)) await new Promise((resolve) => out.once('drain', resolve))
        text = ''
      }
    }
    await new Promise<void>((resolve) => out.end(text, resolve))
    renameSync(`${file}.part`, file)
  }
  return { file, bytes: statSync(file).size }
}
