import { Transferred, serveThread, threadData } from '#base'
import { BlobCodec } from '../blob-codec.ts'
import type { CodecSettings } from '../blob-codec.ts'
import { BlobIndex } from '../blob-index.ts'
import type { SharedIndex } from '../blob-index.ts'
import { TreeOpener } from './tree-opener.ts'
import { TreeProver } from './tree-prover.ts'
import type { ProveTreesOrder } from './tree-prover.ts'

/** A worker thread that goes through trees. Nobody may add to the index while there is one. */

export interface TreeThreadSetup {
  readonly codec: CodecSettings
  readonly index: SharedIndex
}

const { codec, index: shared } = await threadData<TreeThreadSetup>()
const index = new BlobIndex(shared, { isStill: true })
const prover = new TreeProver(new TreeOpener(new BlobCodec(codec), index), index)

serveThread({
  proveTrees(order: ProveTreesOrder): Transferred {
    const proven = prover.prove(order)
    return new Transferred(proven, [proven.buffer])
  },
})
