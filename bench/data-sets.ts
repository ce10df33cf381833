import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { randomFrom } from '../test/helpers/seed.ts'
import { FileGenerator, halfNoise, noise } from './generate.ts'

/** Folders of data to measure with, made when they are first needed. */

export interface Sizes {
  /** Files of offices and programs. */
  readonly smallFiles: number
  /** Tiny files. */
  readonly manyFiles: number
  /** Bytes of the file that nothing compresses. */
  readonly largeBytes: number
  /** Bytes of the file in which little changes. */
  readonly hugeBytes: number
  /** Bytes of text. */
  readonly proseBytes: number
  /** Files of each of the states that are pruned. */
  readonly generationFiles: number
  readonly generations: number
}

export const fullSizes: Sizes = {
  smallFiles: 54_000,
  manyFiles: 1_000_000,
  largeBytes: 2_000_000_000,
  hugeBytes: 10 * 2 ** 30,
  proseBytes: 2_000_000_000,
  generationFiles: 12_000,
  generations: 8,
}

/** Enough to prove that everything runs. */
export const quickSizes: Sizes = {
  smallFiles: 400,
  manyFiles: 2_000,
  largeBytes: 12_000_000,
  hugeBytes: 24 * 2 ** 20,
  proseBytes: 8_000_000,
  generationFiles: 100,
  generations: 4,
}

export type DataSetName = 'small' | 'many' | 'large' | 'huge' | 'prose' | 'generations'

const seed = 20_240_601
/** Seeds of different sets stand so far apart. */
const apart = 100_000_000
const changedBytes = 64 << 10
const piece = 1 << 24

export class DataSets {
  readonly #place: string
  readonly #sizes: Sizes
  readonly #office = new FileGenerator(seed)

  constructor(place: string, sizes: Sizes) {
    this.#place = join(place, 'data')
    this.#sizes = sizes
  }

  get sizes(): Sizes {
    return this.#sizes
  }

  folder(name: DataSetName): string {
    return join(this.#place, name)
  }

  /** The folder of a set, made unless it is there as it was made: a set in which a work changed files is made anew. */
  make(name: DataSetName): string {
    const folder = this.folder(name)
    const what = JSON.stringify([seed, this.#sizes])
    if (existsSync(mark(folder)) && readFileSync(mark(folder), 'utf8') === what) return folder
    this.remove(name)
    mkdirSync(folder, { recursive: true })
    this.#fill(name, folder)
    writeFileSync(mark(folder), what)
    return folder
  }

  remove(name: DataSetName): void {
    rmSync(mark(this.folder(name)), { force: true })
    rmSync(this.folder(name), { recursive: true, force: true })
  }

  removeAll(): void {
    rmSync(this.#place, { recursive: true, force: true })
  }

  /** Writes 64 KiB that nobody has seen into the huge file, at another place in each round. */
  changePart(round: number): void {
    const file = openSync(join(this.#changing('huge'), hugeFile), 'r+')
    const slot = randomFrom(round + 1).below(Math.floor(this.#sizes.hugeBytes / changedBytes))
    writeSync(file, noise(apart + round, changedBytes), 0, changedBytes, slot * changedBytes)
    closeSync(file)
  }

  /** Gives one small file in a hundred another content, other ones in each round; returns their paths. */
  changeOnePercent(round: number): string[] {
    const folder = this.#changing('small')
    const changed: string[] = []
    for (let i = round % 100; i < this.#sizes.smallFiles; i += 100) {
      const path = this.#writeOffice(folder, i, { content: (round + 1) * 1_000_000 + i })
      changed.push(path)
    }
    return changed
  }

  /** The generations' folder as it was at one time: half of the files stay from one to the next. */
  showGeneration(generation: number): string {
    const folder = this.#changing('generations')
    for (let i = generation % 2; i < this.#sizes.generationFiles; i += 2) {
      this.#writeOffice(folder, i, { content: apart * 2 + generation * 1_000_000 + i })
    }
    return folder
  }

  #changing(name: DataSetName): string {
    rmSync(mark(this.folder(name)), { force: true })
    return this.folder(name)
  }

  #fill(name: DataSetName, folder: string): void {
    switch (name) {
      case 'small':
        return this.#writeOffices(folder, this.#sizes.smallFiles)
      case 'generations':
        return this.#writeOffices(folder, this.#sizes.generationFiles)
      case 'many':
        return writeTinyFiles(folder, this.#sizes.manyFiles)
      case 'large':
        return writePieces(join(folder, 'image.bin'), this.#sizes.largeBytes, noise)
      case 'huge':
        return writePieces(join(folder, hugeFile), this.#sizes.hugeBytes, (at, bytes) =>
          Buffer.concat([noise(at, bytes >> 1), halfNoise(at, bytes - (bytes >> 1))]),
        )
      case 'prose':
        return this.#writeProse(folder)
    }
  }

  #writeOffices(folder: string, files: number): void {
    for (let i = 0; i < files; i++) this.#writeOffice(folder, i, { content: apart * 3 + i })
  }

  #writeOffice(folder: string, i: number, { content }: { readonly content: number }): string {
    const inside = join(folder, `department-${i % 20}`, `project-${Math.floor(i / 20) % 200}`)
    if (i < 20 * 200) mkdirSync(inside, { recursive: true })
    const path = join(inside, `document-${i}.dat`)
    writeFileSync(path, this.#office.officeFile(content))
    return path
  }

  #writeProse(folder: string): void {
    const random = randomFrom(seed + 1)
    const files = 20
    for (let i = 0; i < files; i++) {
      const file = openSync(join(folder, `book-${i}.txt`), 'w')
      const bytes = Math.floor(this.#sizes.proseBytes / files)
      for (let left = bytes; left > 0; left -= 1 << 17) {
        writeSync(file, this.#office.prose(random, Math.min(left, 1 << 17)))
      }
      closeSync(file)
    }
  }
}

const hugeFile = 'disk.img'

function mark(folder: string): string {
  return `${folder}.complete`
}

function writePieces(path: string, bytes: number, content: (seed: number, bytes: number) => Buffer): void {
  const file = openSync(path, 'w')
  for (let at = 0; at < bytes; at += piece) {
    writeSync(file, content(seed + at / piece, Math.min(piece, bytes - at)))
  }
  closeSync(file)
}

/** Some dozen bytes each, no two alike, a thousand in a folder. */
function writeTinyFiles(folder: string, files: number): void {
  for (let i = 0; i < files; i++) {
    const inside = join(folder, `${Math.floor(i / 100_000)}`, `${Math.floor(i / 1000) % 100}`)
    if (i % 1000 === 0) mkdirSync(inside, { recursive: true })
    writeFileSync(join(inside, `entry-${i}.conf`), `[entry ${i}]\nvalue = ${Math.imul(i, 2_654_435_761) >>> 0}\n`)
  }
}
