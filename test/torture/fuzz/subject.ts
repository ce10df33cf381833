/** Our side of the fuzzing, in a process of its own: a crash, a hang or a full memory ends only it. */
import type { Verdicts } from './kind.ts'
import { fuzzKinds } from './kinds/index.ts'

export interface Question {
  readonly kind: string
  readonly folder: string
  readonly names: readonly string[]
}

export type Answer =
  | { readonly verdicts: Verdicts; /** Most memory so far, in bytes. */ readonly peak: number }
  | { readonly crash: string }

process.on('message', (question: Question) => {
  void answer(question).then((answered) => process.send?.(answered))
})

async function answer({ kind, folder, names }: Question): Promise<Answer> {
  const found = fuzzKinds.find(({ name }) => name === kind)
  try {
    if (!found) throw new Error(`no kind ${kind}`)
    return { verdicts: await found.ours(folder, names), peak: process.resourceUsage().maxRSS * 1024 }
  } catch (thrown) {
    return { crash: (thrown as Error).stack ?? String(thrown) }
  }
}
