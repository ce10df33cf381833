import { Button } from '@mantine/core'
import { copyNow, testDestination, tryToDestroy } from '../../api/copy-calls.ts'
import { may } from '../../api/person.ts'
import type { Person } from '../../api/person.ts'
import { useAction } from '../../api/queries.ts'
import { Ago } from '../../parts/figures.tsx'
import { Facts, Section } from '../../parts/page.tsx'
import { Failure } from '../../parts/states.tsx'
import { Status } from '../../parts/status.tsx'
import { useWords } from '../../words/locale.ts'
import styles from './copies.module.css'
import { couldBeDestroyed, judgeDestination } from './judge-copies.ts'
import type { Destination } from './judge-copies.ts'
import { copiesWords } from './words.ts'

interface DestinationProps {
  readonly destination: Destination
  readonly me: Person
}

/** A place of copies: how complete, where it shares a fate with others, whether it can be destroyed, its disks. */
export function DestinationEntry({ destination, me }: DestinationProps) {
  const words = useWords(copiesWords)
  const { name, kind, location, place, clientId, disks, disksOverdue, tamperTest } = destination
  const { is, word, completeAt } = judgeDestination(destination)
  const isWeak = couldBeDestroyed(destination)
  const fates = Object.entries(place) as [keyof typeof place, string][]
  return (
    <Section title={`${name} · ${words[kind]}`}>
      <Facts
        of={[
          [
            words.state,
            <Status key="state" is={is}>
              {words[word]}
            </Status>,
          ],
          [words.complete, <Ago key="complete" at={completeAt} />],
          [words.where, <code key="where">{location}</code>],
          ...fates.map(([what, which]) => [words[what], which] as const),
          [
            words.tamper,
            <span key="tamper">
              <Status is={isWeak === null ? 'unknown' : isWeak ? 'bad' : 'good'}>
                {isWeak === null ? words.neverTried : isWeak ? words.destroyed : words.refused}
              </Status>{' '}
              {tamperTest && <Ago at={tamperTest.at} />}
            </span>,
          ],
        ]}
      />
      {disks.length > 0 && (
        <ul className={styles.disks} aria-label={words.rotating}>
          {disks.map((disk) => (
            <li key={disk.id}>
              <b>{disk.label}</b> {words[disk.state]} · {words.complete} <Ago at={disk.completeAt} />
            </li>
          ))}
        </ul>
      )}
      {disksOverdue && <Status is="look">{words.overdue}</Status>}
      {may(me, 'operate', clientId) && <Actions destination={destination} />}
    </Section>
  )
}

function Actions({ destination: { id } }: { readonly destination: Destination }) {
  const words = useWords(copiesWords)
  const params = { destination: id }
  const [copies, tests, destroys] = [useAction(copyNow), useAction(testDestination), useAction(tryToDestroy)]
  const failed = [copies, tests, destroys].find(({ error }) => error)
  return (
    <>
      <div className={styles.actions}>
        <Button
          variant="default"
          size="compact-md"
          loading={copies.isPending}
          onClick={() => copies.mutate({ params })}
        >
          {words.copyNow}
        </Button>
        <Button variant="default" size="compact-md" loading={tests.isPending} onClick={() => tests.mutate({ params })}>
          {words.test}
        </Button>
        <Button
          variant="default"
          size="compact-md"
          loading={destroys.isPending}
          onClick={() => destroys.mutate({ params })}
        >
          {words.destroy}
        </Button>
        {(copies.isSuccess || destroys.isSuccess) && <span role="status">{words.asked}</span>}
      </div>
      {tests.data?.map(({ folder, works, sentence }) => (
        <p key={folder ?? ''} role="status">
          {folder} {works ? words.works : words.worksNot} {sentence}
        </p>
      ))}
      {failed && <Failure of={failed.error} />}
    </>
  )
}
