import { listMachinePolicies } from '../../api/calls.ts'
import type { AnswerOf } from '../../api/call.ts'
import { useAnswer } from '../../api/queries.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Section } from '../../parts/page.tsx'
import { Answered, Empty } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import { machineWords } from './words.ts'

type Stored = AnswerOf<typeof listMachinePolicies>[number]

/** Which backup policies the machine follows, in words. */
export function MachinePolicies({ machine }: { readonly machine: string }) {
  const words = useWords(machineWords)
  const query = useAnswer(listMachinePolicies, { params: { machine } })
  const whenWords = useWhenWords()
  const keepWords = useKeepWords()
  const columns: readonly TableColumn<Stored>[] = [
    { id: 'policy', title: words.policy, cell: ({ policy }) => policy.name },
    {
      id: 'what',
      title: words.what,
      cell: ({ policy: { what } }) => (
        <>
          {what.include.join(', ')}
          {what.databases && <small>{what.databases.map(({ engine }) => engine).join(', ')}</small>}
        </>
      ),
    },
    { id: 'when', title: words.when, cell: ({ policy }) => whenWords(policy.when) },
    { id: 'keep', title: words.keep, cell: ({ policy }) => keepWords(policy.keep) },
  ]
  return (
    <Section title={words.policies}>
      <Answered query={query}>
        {(policies) =>
          policies.length === 0 ? (
            <Empty title={words.noPolicies}>{words.noPoliciesLead}</Empty>
          ) : (
            <DataTable label={words.policies} rows={policies} columns={columns} keyOf={({ id }) => id} />
          )
        }
      </Answered>
    </Section>
  )
}

function useWhenWords(): (when: Stored['policy']['when']) => string {
  const words = useWords(machineWords)
  return (when) => {
    if (when.kind === 'every') return words.every(when.minutes)
    if (when.kind === 'cron') return words.cron(when.expression)
    return words[when.kind](when.at.join(', '))
  }
}

const spans = [
  ['last', 'last'],
  ['hourly', 'hourly'],
  ['daily', 'days'],
  ['weekly', 'weeks'],
  ['monthly', 'months'],
  ['yearly', 'years'],
] as const

function useKeepWords(): (keep: Stored['policy']['keep']) => string {
  const words = useWords(machineWords)
  return (keep) => {
    const said = spans.flatMap(([name, word]) => {
      const count = keep[name]
      if (count === undefined || count === 0) return []
      return [`${count === 'unlimited' ? words.forEver : count} ${words[word]}`]
    })
    return [...said, ...(keep.within === undefined ? [] : [keep.within])].join(', ')
  }
}
