/**
 * A folder that is written while it is backed up: files grow, shrink, come, go and are replaced. What a backup makes of it is
 * not known beforehand, but two things are: a file that is only ever put in place by a rename is whole or absent, never a
 * mixture; and no byte is there that was never written.
 */
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import type { Random } from './random.ts'

export const busyName = 'busy'

const wholeFiles = 6
const growingFiles = 4
const letters = Buffer.from('only these letters are ever written here. ')

/** Writes until it is stopped. */
export function keepBusy(folder: string, random: Random): Disposable {
  mkdirSync(folder, { recursive: true })
  const work = () => {
    for (let i = 0; i < 3; i++) act(folder, random)
  }
  for (let i = 0; i < 30; i++) act(folder, random)
  const timer = setInterval(work, 2)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

function act(folder: string, random: Random): void {
  const whole = `${folder}/whole ${random.below(wholeFiles)}`
  const growing = `${folder}/growing ${random.below(growingFiles)}`
  const kind = random.below(10)
  if (kind < 4) replaceWhole(folder, whole, random)
  else if (kind < 5) rmSync(whole, { force: true })
  else if (kind < 8) appendFileSync(growing, Buffer.alloc(random.below(30_000), letters))
  else if (kind < 9 && existsSync(growing)) truncateSync(growing, random.below(10_000))
  else rmSync(growing, { force: true })
}

/** The hash of the rest stands at the beginning of each. */
function replaceWhole(folder: string, path: string, random: Random): void {
  const rest = random.bytes(random.below(60_000))
  const hidden = `${folder}/.making`
  writeFileSync(hidden, Buffer.concat([sha256(rest), rest]))
  renameSync(hidden, path)
}

/** What is wrong with a busy folder that was restored, in sentences. */
export function judgeBusy(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((name) => {
    const bytes = readFileSync(`${folder}/${name}`)
    if (name.startsWith('whole')) {
      return sha256(bytes.subarray(32)).equals(bytes.subarray(0, 32)) ? [] : [`${name} is a mixture of two files`]
    }
    if (!name.startsWith('growing')) return []
    return bytes.every((byte) => byte === 0 || letters.includes(byte))
      ? []
      : [`${name} has bytes that were never written`]
  })
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}
