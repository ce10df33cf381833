import { createCipheriv } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { randomFrom } from '../test/helpers/seed.ts'

/** Data to measure with: the same bytes on every machine, made once and kept. */

const seed = 20_240_601
/** Present once a data set is complete. */
const doneMark = '.complete'

/** 50,000 files of 1 KB to 250 KB, 31 KB on average: text, tables, and some that do not compress. */
export function smallFiles(folder: string, files = 50_000): string {
  return once(folder, () => {
    const random = source(seed)
    const words = Array.from({ length: 4096 }, () => word(random))
    for (let i = 0; i < files; i++) {
      const inside = join(folder, `department-${i % 20}`, `project-${Math.floor(i / 20) % 200}`)
      mkdirSync(inside, { recursive: true })
      const size = Math.floor(1000 * Math.exp(random() * 5.5))
      writeFileSync(join(inside, `document-${i}.txt`), i % 8 === 0 ? noise(random, size) : prose(random, words, size))
    }
  })
}

/** One file that nothing compresses. */
export function largeFile(folder: string, bytes = 2_000_000_000): string {
  return once(folder, () => {
    const random = source(seed + 1)
    const file = openSync(join(folder, 'image.bin'), 'w')
    for (let left = bytes; left > 0; left -= 1 << 24) writeSync(file, noise(random, Math.min(left, 1 << 24)))
    closeSync(file)
  })
}

function source(from: number): () => number {
  const random = randomFrom(from)
  return () => random.next()
}

function once(folder: string, make: () => void): string {
  mkdirSync(folder, { recursive: true })
  if (existsSync(join(folder, doneMark))) return folder
  make()
  writeFileSync(join(folder, doneMark), '')
  return folder
}

/** Bytes of a stream cipher: nothing compresses them, and no two pieces are alike. */
function noise(random: () => number, bytes: number): Buffer {
  const key = Buffer.alloc(32)
  for (let at = 0; at < key.length; at += 4) key.writeUInt32LE(Math.floor(random() * 2 ** 32), at)
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes))
}

function prose(random: () => number, words: readonly string[], bytes: number): Buffer {
  const parts: string[] = []
  let length = 0
  while (length < bytes) {
    // Some words are much more frequent than others, as in a language.
    const next = `${words[Math.floor(words.length * random() ** 3)]}${random() < 0.1 ? '\n' : ' '}`
    parts.push(next)
    length += next.length
  }
  return Buffer.from(parts.join('').slice(0, bytes))
}

function word(random: () => number): string {
  const length = 2 + Math.floor(random() * 9)
  return Array.from({ length }, () => String.fromCharCode(97 + Math.floor(26 * random() ** 1.5))).join('')
}
