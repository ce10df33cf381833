import { listOperations } from '../../api/calls.ts'
import { useAnswer } from '../../api/queries.ts'
import { Section } from '../../parts/page.tsx'
import { Answered, Empty } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import { OperationTable } from '../operations/table.tsx'
import { machineWords } from './words.ts'

/** As many as one sees at once; all of them are on their own page. */
const few = 8

export function MachineOperations({ machine }: { readonly machine: string }) {
  const words = useWords(machineWords)
  const query = useAnswer(listOperations, { query: { machine } })
  return (
    <Section title={words.operations}>
      <Answered query={query}>
        {(operations) =>
          operations.length === 0 ? (
            <Empty title={words.noOperations} />
          ) : (
            <OperationTable operations={operations.slice(0, few)} isOfOne />
          )
        }
      </Answered>
    </Section>
  )
}
