import { Status } from '../../parts/status.tsx'
import { capitalised } from '../../words/dictionary.ts'
import { useWords } from '../../words/locale.ts'
import type { Because, JudgedMachine } from './judge.ts'
import { homeWords } from './words.ts'

/** The words of each answer; of an alert its own. */
const names = {
  waiting: 'waiting',
  'no policy': 'noPolicy',
  'no backup': 'noBackup',
  'old backup': 'oldBackup',
  'never proven': 'neverProven',
  'old proof': 'oldProof',
  good: 'good',
} as const satisfies Record<Exclude<Because['kind'], 'alert'>, string>

export function useAnswerWords(): (because: Because) => string {
  const words = useWords(homeWords)
  return (because) => (because.kind === 'alert' ? capitalised(because.alert.title) : words[names[because.kind]])
}

/** How a machine is, in a few words. */
export function MachineAnswer({ of: { is, because } }: { readonly of: JudgedMachine }) {
  const answerWords = useAnswerWords()
  return <Status is={is}>{answerWords(because)}</Status>
}
