import { Button } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import {
  approveMachine,
  backUpMachine,
  glanceAtMachines,
  listMachinePolicies,
  readForecast,
  readMachine,
  readMe,
  testRestore,
} from '../../api/calls.ts'
import { may } from '../../api/person.ts'
import { useAction, useAnswer } from '../../api/queries.ts'
import { Ago, Size, useNow } from '../../parts/figures.tsx'
import { Facts, NextStep, Page } from '../../parts/page.tsx'
import { Failure, Loading } from '../../parts/states.tsx'
import { formatAgo, formatDuration } from '../../words/formats.ts'
import { useLocale, useWords } from '../../words/locale.ts'
import type { Machine } from '../home/judge.ts'
import { machinesWords } from '../machines/words.ts'
import styles from './machine.module.css'
import { MachineOperations } from './operations.tsx'
import { MachinePolicies } from './policies.tsx'
import { MachineProofs } from './proofs.tsx'
import { Protection } from './protection.tsx'
import { RecoveryPoints } from './recovery-points.tsx'
import { machineWords } from './words.ts'

const everyMinute = 60_000
/** Milliseconds that are no time at all. */
const aMoment = 60_000

/** All about one machine: is there a copy, does it come back, what is to be done. */
export function MachinePage() {
  const words = useWords(machineWords)
  const params = useParams({ from: '/shell/machines/$machine' })
  const { data: machine, error, refetch, dataUpdatedAt } = useAnswer(readMachine, { params })
  if (!machine) {
    return (
      <Page about={words.about} headline=" ">
        {error ? <Failure of={error} onRetry={() => void refetch()} /> : <Loading />}
      </Page>
    )
  }
  return (
    <Page
      about={machine.name}
      headline={<Headline machine={machine} />}
      lead={<Lead machine={machine} />}
      asOf={dataUpdatedAt}
    >
      {error && <Failure of={error} onRetry={() => void refetch()} />}
      {machine.state === 'waiting' ? <Approve machine={machine} /> : <Actions machine={machine} />}
      <About machine={machine} />
      <RecoveryPoints machine={machine.id} />
      <MachineOperations machine={machine.id} />
      <MachineProofs machine={machine.id} />
      <Protection machine={machine} />
      <MachinePolicies machine={machine.id} />
    </Page>
  )
}

interface OfMachine {
  readonly machine: Machine
}

function useGlance(id: string) {
  const { data } = useAnswer(glanceAtMachines, {}, { every: everyMinute })
  return data?.find(({ machineId }) => machineId === id)
}

function Headline({ machine }: OfMachine) {
  const words = useWords(machineWords)
  const { locale } = useLocale()
  const now = useNow()
  const glance = useGlance(machine.id)
  if (!glance) return <> </>
  if (glance.newestAt === null) return <em>{words.noCopy}</em>
  const isFresh = now - Date.parse(glance.newestAt) < aMoment
  return <>{isFresh ? words.justNow : words.hasNewest(formatAgo(glance.newestAt, now, locale))}</>
}

function Lead({ machine }: OfMachine) {
  const words = useWords(machineWords)
  const { locale } = useLocale()
  const { data } = useAnswer(readForecast, { params: { machine: machine.id } })
  if (data?.known === true && data.likely !== null) return <>{words.forecast(formatDuration(data.likely, locale))}</>
  return <>{words.noForecast}</>
}

function Approve({ machine }: OfMachine) {
  const words = useWords(machineWords)
  const { data: me } = useAnswer(readMe, {})
  const approves = useAction(approveMachine)
  return (
    <NextStep
      title={words.approve}
      actions={
        me &&
        may(me, 'operate', machine.clientId) && (
          <Button loading={approves.isPending} onClick={() => approves.mutate({ params: { machine: machine.id } })}>
            {words.approve}
          </Button>
        )
      }
    >
      {words.waits}
      {approves.error && <Failure of={approves.error} />}
    </NextStep>
  )
}

function Actions({ machine }: OfMachine) {
  const words = useWords(machineWords)
  const params = { machine: machine.id }
  const { data: me } = useAnswer(readMe, {})
  const { data: policies = [] } = useAnswer(listMachinePolicies, { params })
  const [backsUp, tries] = [useAction(backUpMachine), useAction(testRestore)]
  if (!me) return null
  const backUp = async () => {
    for (const { id } of policies) await backsUp.mutateAsync({ params, body: { policy: id } })
  }
  const operates = may(me, 'operate', machine.clientId)
  return (
    <>
      <div className={styles.actions}>
        {may(me, 'restore', machine.clientId) && (
          <Button renderRoot={(props) => <Link {...props} to="/get-back" search={{ machine: machine.id }} />}>
            {words.getBack}
          </Button>
        )}
        {operates && policies.length > 0 && (
          <Button variant="default" loading={backsUp.isPending} onClick={() => void backUp().catch(() => undefined)}>
            {words.backUpNow}
          </Button>
        )}
        {operates && (
          <Button
            variant="default"
            loading={tries.isPending}
            onClick={() => tries.mutate({ params, body: { where: 'server' } })}
          >
            {words.tryIt}
          </Button>
        )}
        {(backsUp.isSuccess || tries.isSuccess) && <span role="status">{words.asked}</span>}
      </div>
      {backsUp.error && <Failure of={backsUp.error} />}
      {tries.error && <Failure of={tries.error} />}
    </>
  )
}

function About({ machine }: OfMachine) {
  const words = useWords(machineWords)
  const kinds = useWords(machinesWords)
  const glance = useGlance(machine.id)
  const { about, kind, hasAgent, lastSeenAt } = machine
  return (
    <Facts
      of={[
        [words.kind, kinds[kind]],
        [words.system, [about.platform, about.release].filter((part) => part !== undefined).join(' ') || '–'],
        [words.agent, hasAgent ? (about.agentVersion ?? '–') : words.noAgent],
        [words.seen, <Ago key="seen" at={lastSeenAt} />],
        [words.kept, <Size key="kept" bytes={glance?.usedBytes ?? null} />],
      ]}
    />
  )
}
