import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { test } from 'node:test'
import { BlobIndex } from './blob-index.ts'
import { IndexBatchBuilder } from './index-batch.ts'

const idOf = (text: string) => createHash('sha256').update(text).digest()
const place = (pack: number, offset = 0) => ({ pack, offset, length: 100, plainLength: 200 })

test('a data blob and a tree blob with the same id are two blobs', () => {
  const index = new BlobIndex()
  const pack = index.addPack(idOf('pack'))
  const id = idOf('same')
  index.add('data', id, 0, place(pack, 1))
  index.add('tree', id, 0, place(pack, 2))
  assert.equal(index.offsetOf(index.find('data', id)), 1)
  assert.equal(index.offsetOf(index.find('tree', id)), 2)
})

test('all places of a blob that lies in several packs are found', () => {
  const index = new BlobIndex()
  const packs = ['a', 'b', 'c'].map((name) => index.addPack(idOf(name)))
  for (const pack of packs) index.add('data', idOf('blob'), 0, place(pack))
  const found = index.findAll('data', idOf('blob')).map((entry) => index.placeOf(entry).pack)
  assert.deepEqual(found.toSorted(), ['a', 'b', 'c'].map((name) => idOf(name).toString('hex')).toSorted())
})

test('everything is found again after growing, and nothing else is', () => {
  const index = new BlobIndex()
  const pack = index.addPack(idOf('pack'))
  for (let i = 0; i < 20_000; i++) index.add(i % 3 === 0 ? 'tree' : 'data', idOf(`${i}`), 0, place(pack, i))
  for (let i = 0; i < 20_000; i++) {
    const entry = index.find(i % 3 === 0 ? 'tree' : 'data', idOf(`${i}`))
    assert.equal(index.offsetOf(entry), i)
    assert.ok(index.idOf(entry).equals(idOf(`${i}`)))
  }
  assert.equal(index.find('data', idOf('missing')), -1)
})

test('what is appended many at a time is found as if it had been added one by one, and copies are known as such', () => {
  const [one, other] = [new BlobIndex(), new BlobIndex()]
  for (let file = 0; file < 3; file++) {
    const batch = new IndexBatchBuilder()
    for (let pack = 0; pack < 70; pack++) {
      batch.addPack(idOf(`${file} ${pack}`))
      const number = one.addPack(idOf(`${file} ${pack}`))
      for (let i = 0; i < 30; i++) {
        // Every seventh blob lies in every file.
        const id = idOf(i % 7 === 0 ? `${pack} ${i}` : `${file} ${pack} ${i}`)
        batch.addBlob(i % 2 === 0 ? 1 : 0, id, i, 100, 200)
        one.add(i % 2 === 0 ? 'tree' : 'data', id, 0, place(number, i))
      }
    }
    other.append(batch.build())
  }
  other.settleAppended()
  assert.deepEqual(contentOf(other), contentOf(one))
  assert.equal(other.memory, one.memory)
  const repeated = contentOf(one).flatMap(({ first }, entry) => (first === entry ? [] : [entry]))
  assert.equal(repeated.length, 2 * 70 * 5)
  assert.deepEqual(
    [...other.repeated()].toSorted((a, b) => a - b),
    repeated,
  )
})

function contentOf(index: BlobIndex) {
  return Array.from({ length: index.size }, (_, entry) => ({
    ...index.placeOf(entry),
    id: index.idOf(entry).toString('hex'),
    first: index.firstOf(entry),
    found: index.find(index.typeOf(entry), index.idOf(entry)),
    all: index.findAll(index.typeOf(entry), index.idOf(entry)),
  }))
}

test('an entry costs less than 60 bytes once there are many', () => {
  const index = new BlobIndex()
  const pack = index.addPack(idOf('pack'))
  for (let i = 0; i < 100_000; i++) index.add('data', idOf(`${i}`), 0, place(pack))
  assert.ok(index.memory / index.size < 60, `${index.memory / index.size} bytes`)
})

test('a blob that somebody claims is known to everybody from then on, and used', () => {
  const index = new BlobIndex()
  const other = new BlobIndex(index.shared)
  const first = index.claim('data', idOf('x'), 0)
  assert.equal(first.known, false)
  assert.deepEqual(other.claim('data', idOf('x'), 0), { entry: first.entry, known: true })
  assert.equal(index.packOf(first.entry), -1)
  const pack = index.addPack(idOf('pack'))
  index.settle(first.entry, place(pack, 5))
  assert.equal(other.placeOf(first.entry).offset, 5)
  assert.ok(other.isUsed(first.entry))
})

test('threads that claim the same blobs at once get each of them exactly once', async () => {
  const index = new BlobIndex()
  const blobs = 20_000
  const code = `
    import { parentPort, workerData } from 'node:worker_threads'
    import { createHash } from 'node:crypto'
    const { BlobIndex } = await import(workerData.module)
    const index = new BlobIndex(workerData.shared)
    let mine = 0
    for (let i = 0; i < ${blobs}; i++) {
      if (!index.claim('data', createHash('sha256').update(String(i)).digest(), 0).known) mine++
    }
    parentPort.postMessage(mine)`
  const module = new URL('./blob-index.ts', import.meta.url).href
  const counts = await Promise.all(
    [1, 2, 3].map(async () => {
      const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`)
      const worker = new Worker(url, { workerData: { module, shared: index.shared } })
      return await new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject))
    }),
  )
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    blobs,
  )
  assert.equal(index.size, blobs)
})
