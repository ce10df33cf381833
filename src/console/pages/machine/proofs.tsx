import { listEvidence, readProofState } from '../../api/calls.ts'
import type { AnswerOf } from '../../api/call.ts'
import { useAnswer } from '../../api/queries.ts'
import { DataTable } from '../../parts/data-table.tsx'
import type { TableColumn } from '../../parts/data-table.tsx'
import { Ago, Count, Duration, Size } from '../../parts/figures.tsx'
import { Section } from '../../parts/page.tsx'
import { Answered, Empty } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import { machinesWords } from '../machines/words.ts'
import { operationsWords } from '../operations/words.ts'
import { isProof, scopeOf, secondsIn } from './proof-figures.ts'
import { machineWords } from './words.ts'

type Record = AnswerOf<typeof listEvidence>[number]

/** What was measured of a machine's copies, newest first. */
export function MachineProofs({ machine }: { readonly machine: string }) {
  const words = useWords(machineWords)
  const { took } = useWords(operationsWords)
  const { answer } = useWords(machinesWords)
  const query = useAnswer(listEvidence, { query: { machine } })
  const { data: state } = useAnswer(readProofState, { params: { machine } })
  const number = (measured: Record['measured'], name: string) => {
    const value = measured[name]
    return typeof value === 'number' ? value : null
  }
  const columns: readonly TableColumn<Record>[] = [
    {
      id: 'when',
      title: words.time,
      sortBy: ({ measuredAt }) => measuredAt,
      cell: ({ measuredAt }) => <Ago at={measuredAt} />,
    },
    { id: 'what', title: words.proof, cell: (record) => words[scopeOf(record)] },
    {
      id: 'files',
      title: words.files,
      isNumber: true,
      cell: ({ measured }) => <Count of={number(measured, 'files')} />,
    },
    {
      id: 'size',
      title: words.size,
      isNumber: true,
      cell: ({ measured }) => <Size bytes={number(measured, 'bytes')} />,
    },
    { id: 'took', title: took, isNumber: true, cell: ({ measured }) => <Duration seconds={secondsIn(measured)} /> },
  ]
  return (
    <Section title={words.proofs}>
      {state && state.impossible !== null && <p>{state.impossible}</p>}
      <Answered query={query}>
        {(records) => {
          const proofs = records.filter(isProof)
          return proofs.length === 0 ? (
            <Empty title={words.noProofs}>{words.noProofsLead}</Empty>
          ) : (
            <DataTable label={answer} rows={proofs} columns={columns} keyOf={({ id }) => id} />
          )
        }}
      </Answered>
    </Section>
  )
}
