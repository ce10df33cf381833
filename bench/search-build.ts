/** `node bench/search-build.ts FOLDER FILES DAYS`: makes the index that `search.ts` searches, in a process of its own, and says what that cost. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { formatBytes } from '#base'
import { openSearchIndex } from '../src/server/search/index.ts'
import { median } from './figures.ts'
import { generations, key, repository, say, sourceOf, timed } from './search-shared.ts'
import { MadeUpMachine } from './search-source.ts'

const [folder = '', filesText = '', daysText = ''] = process.argv.slice(2)
const [files, days] = [Number(filesText), Number(daysText)]
/** The last days come one by one, as they do in life. */
const oneByOne = Math.min(5, days - 1)

async function sizeOf(place: string): Promise<number> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Seconds that the benchmark itself takes to make up the trees of the first day, and of one that follows. */
function measureMakingUp(): { readonly first: number; readonly following: number } {
  const machine = new MadeUpMachine({ files, days })
  const makeChanged = (id: Buffer, day: number): void => {
    if (id.readUInt32LE(8) !== day) return
    const tree = machine.makeTree(id).toString('latin1')
    for (const [, hex = ''] of tree.matchAll(/"subtree":"([0-9a-f]{64})"/g)) makeChanged(Buffer.from(hex, 'hex'), day)
  }
  const measure = (day: number) => {
    const start = performance.now()
    makeChanged(machine.rootOf(day), day)
    return (performance.now() - start) / 1000
  }
  const first = measure(0)
  return { first, following: median([1, 2, 3, 4, 5].map(measure)) }
}

const making = measureMakingUp()
await using index = await openSearchIndex(folder, { key, generations })
const update = async (upTo: number) =>
  (await timed(async () => await index.update(repository, sourceOf({ files, days: upTo })))).seconds
const first = await update(1)
say('first recovery point', `${first.toFixed(1)} s, of which ${making.first.toFixed(1)} s make up its trees`)
const middle = days - 1 - oneByOne
const more = await update(days - oneByOne)
const makingMore = middle * making.following
say(`${middle} more at once`, `${more.toFixed(1)} s, of which ${makingMore.toFixed(1)} s make up their trees`)
const single: number[] = []
for (let upTo = days - oneByOne + 1; upTo <= days; upTo++) single.push(await update(upTo))
say('one more (median of the last)', `${median(single).toFixed(2)} s`)
say('nothing new', `${(await update(days)).toFixed(2)} s`)
say('peak memory of the process that makes it', formatBytes(process.resourceUsage().maxRSS * 1024))
say('size on the disk', formatBytes(await sizeOf(folder)))
