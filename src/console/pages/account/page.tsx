import { readSecondFactor } from '../../api/calls.ts'
import { useAnswer } from '../../api/queries.ts'
import { Page } from '../../parts/page.tsx'
import { Answered } from '../../parts/states.tsx'
import { useWords } from '../../words/locale.ts'
import { Passkeys } from './passkeys.tsx'
import { SecondFactor } from './second-factor.tsx'
import { Sessions } from './sessions.tsx'
import { accountWords } from './words.ts'

/** How one signs in, and where one is signed in. */
export function AccountPage() {
  const words = useWords(accountWords)
  const query = useAnswer(readSecondFactor, {})
  const { data: factor, dataUpdatedAt } = query
  const isSafe = factor?.isSetUp === true
  const lead = isSafe ? undefined : factor?.isDemanded === true ? words.demanded : words.notSafeLead
  return (
    <Page
      about={words.about}
      headline={factor ? isSafe ? words.safe : <em>{words.notSafe}</em> : ' '}
      lead={factor ? lead : undefined}
      asOf={dataUpdatedAt}
    >
      <Answered query={query}>{(state) => <SecondFactor state={state} />}</Answered>
      {(isSafe || factor?.isDemanded === false) && <Passkeys />}
      <Sessions />
    </Page>
  )
}
