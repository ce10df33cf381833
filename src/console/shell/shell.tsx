import { Outlet } from '@tanstack/react-router'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { watchEvents } from '../api/watch-events.ts'
import { useWords } from '../words/locale.ts'
import { Header } from './header.tsx'
import { ProveDialog } from './prove-dialog.tsx'
import { shellWords } from './words.ts'

/** What is around every page of who is signed in. */
export function Shell() {
  const { skip } = useWords(shellWords)
  const client = useQueryClient()
  useEffect(() => watchEvents(client), [client])
  return (
    <>
      <a className="skip" href="#content">
        {skip}
      </a>
      <Header />
      <Outlet />
      <ProveDialog />
    </>
  )
}
