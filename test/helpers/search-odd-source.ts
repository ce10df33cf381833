/** A source of snapshots for the thread that indexes, which does as it is told: goes on without end, or ends the thread. */
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeNode, encodeTree, openTree } from '#repository'
import type { OpenForSearch } from '../../src/server/search/source.ts'
import { aNode } from './fake-repository.ts'

export type OddBehaviour = 'endless' | 'dies'

export const oddSource = (behaviour: OddBehaviour) => ({ module: import.meta.url, options: behaviour })

let trees = 0

/** Each tree has one folder, of which nobody has heard. */
async function endlessTree() {
  await sleep(1)
  const subtree = Buffer.alloc(32)
  subtree.writeUInt32LE(++trees)
  return openTree(encodeTree([encodeNode(aNode('f', { type: 'dir', content: null, subtree }))]))
}

export const openForSearch: OpenForSearch = (behaviour) => {
  if (behaviour === 'dies') process.exit(3)
  return Promise.resolve({
    source: {
      list: () => Promise.resolve(new Set(['a'.repeat(64)])),
      async *load([id = '']) {
        yield { id, time: '2026-01-01T00:00:00Z', host: 'host', paths: [], tags: [], tree: id }
      },
      openTrees: () => Promise.resolve(endlessTree),
      isGone: () => Promise.resolve(false),
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  })
}
