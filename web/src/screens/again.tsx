/** The session ended while someone was writing: they sign in over their text, which stays where it is. */
import { useMessages } from '../i18n'
import { Dialog } from '../ui/parts'
import { SignInForm } from './signing'

export function SignInAgain() {
  const t = useMessages()
  return (
    <Dialog title={t.signIn}>
      <p>{t.sessionOver}</p>
      <SignInForm done={() => {}} />
    </Dialog>
  )
}
