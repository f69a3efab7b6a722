// Who may act for a brand: members and invitations.

import { z } from "zod";
import type { Invitation } from "../accounts/invitations.ts";
import type { Member } from "../accounts/members.ts";
import { actorOf } from "../accounts/principal.ts";
import { asBrandPrincipal, requireAuthorityOver } from "../accounts/roles.ts";
import { LONGEST_PASSWORD, SHORTEST_PASSWORD } from "../accounts/users.ts";
import { idParameter, name, one, pageOf, pageQuery, readPage, role, time, timeOf } from "./account-schemas.ts";
import { defineOperation, invalidRequest, type Operation } from "./operations.ts";
import type { Services } from "./services.ts";

const userId = idParameter("usr", "a user");
const memberSchema = z
  .strictObject({
    userId: z.string(),
    name: z.string(),
    email: z.string(),
    role,
    hasSecondFactor: z.boolean().meta({ description: "Without a second factor they can do nothing but set one up." }),
    createdAt: time,
  })
  .meta({ id: "Member", description: "Somebody who acts for the brand." });
const invitationSchema = z
  .strictObject({ id: z.string(), email: z.string(), role, createdAt: time, expiresAt: time })
  .meta({ id: "Invitation", description: "An invitation that nobody has taken up yet." });
const link = z.url().meta({ description: "What to hand on to whoever is invited. Shown this once." });
const token = z.string().regex(/^inv_[A-Za-z0-9_-]{43}$/, "must be the token in an invitation's link");

const common = { tag: "accounts", tagged: false, limited: true, open: false } as const;

export function memberOperations({ accounts }: Services): Operation[] {
  const { authenticator, invitations, members, users } = accounts;
  return [
    defineOperation({
      ...common,
      id: "listMembers",
      path: "/v1/members",
      access: ["owner", "manager", "auditor"],
      summary: "List the brand's members",
      description: "Who may sign in and act for the brand, in the order of their ids.",
      query: pageQuery,
      answers: { 200: { description: "A page of members.", schema: pageOf(memberSchema) } },
      problems: [],
      async handle({ principal: { brandId }, query }) {
        const read = (page: Parameters<typeof members.list>[1]) => members.list(brandId, page);
        return { body: await readPage(query, read, ({ userId }) => userId, presentMember) };
      },
    }),
    defineOperation({
      ...common,
      id: "changeMemberRole",
      method: "patch",
      path: "/v1/members/{userId}",
      access: ["owner"],
      summary: "Change a member's role",
      description:
        "Takes effect with their next request. An owner is made, and unmade, by owners who have signed in, not by API keys; the last owner stays one.",
      params: z.object({ userId }),
      body: z.strictObject({ role }),
      answers: { 200: { description: "The member.", schema: one(memberSchema) } },
      problems: [404, 409],
      async handle({ principal, params, body }) {
        const member = await members.changeRole(asBrandPrincipal(principal), params.userId, body.role);
        return { body: { data: presentMember(member) } };
      },
    }),
    defineOperation({
      ...common,
      id: "removeMember",
      method: "delete",
      path: "/v1/members/{userId}",
      access: ["owner"],
      summary: "Remove a member",
      description:
        "They can do nothing for the brand any more, from their next request on. API keys that they have made go on: look at the list of keys too.",
      params: z.object({ userId }),
      answers: { 204: { description: "They are no member any more." } },
      problems: [404, 409],
      async handle({ principal, params }) {
        await members.remove(asBrandPrincipal(principal), params.userId);
        return { status: 204 };
      },
    }),
    defineOperation({
      ...common,
      id: "listInvitations",
      path: "/v1/invitations",
      access: ["owner", "manager", "auditor"],
      summary: "List open invitations",
      description: "Who was invited and has not come yet.",
      query: pageQuery,
      answers: { 200: { description: "A page of invitations.", schema: pageOf(invitationSchema) } },
      problems: [],
      async handle({ principal: { brandId }, query }) {
        const read = (page: Parameters<typeof invitations.list>[1]) => invitations.list(brandId, page);
        return { body: await readPage(query, read, ({ id }) => id, presentInvitation) };
      },
    }),
    defineOperation({
      ...common,
      id: "inviteMember",
      method: "post",
      path: "/v1/invitations",
      access: ["owner"],
      summary: "Invite a member",
      description:
        "Answers with a link that works once, for seven days. Hand it to them yourself: no mail is sent. Owners are invited by owners who have signed in, not by API keys.",
      body: z.strictObject({ email: z.email("must be an email address").max(254), role }),
      answers: {
        201: {
          description: "The invitation.",
          schema: one(invitationSchema.extend({ link }).meta({ id: "NewInvitation" })),
        },
      },
      problems: [404, 409],
      async handle({ principal, body }) {
        const { brandId } = principal;
        requireAuthorityOver(asBrandPrincipal(principal), body.role);
        const made = await invitations.invite({ ...body, brandId, actor: actorOf(principal) });
        return { status: 201, body: { data: { ...presentInvitation(made), link: made.link } } };
      },
    }),
    defineOperation({
      ...common,
      id: "withdrawInvitation",
      method: "delete",
      path: "/v1/invitations/{invitation}",
      access: ["owner"],
      summary: "Withdraw an invitation",
      description: "Its link does not work any more.",
      params: z.object({ invitation: idParameter("inv", "an invitation") }),
      answers: { 204: { description: "It is withdrawn." } },
      problems: [404],
      async handle({ principal, params }) {
        await invitations.withdraw(principal.brandId, params.invitation, actorOf(principal));
        return { status: 204 };
      },
    }),
    defineOperation({
      ...common,
      id: "lookAtInvitation",
      path: "/v1/invitation",
      access: "everyone",
      summary: "Look at an invitation",
      description: "What the link is for, and whether whoever is invited has an account already.",
      query: z.strictObject({ token }),
      answers: {
        200: {
          description: "The invitation.",
          schema: one(
            z.strictObject({
              brandId: z.int(),
              brandName: z.string(),
              email: z.string(),
              role,
              expiresAt: time,
              hasAccount: z.boolean().meta({
                description: "If so, sign in and accept it; otherwise accept it with a name and a password.",
              }),
            }),
          ),
        },
      },
      problems: [404],
      async handle({ query }) {
        const { brandId, brandName, email, role, expiresAt, isUser } = await invitations.look(query.token);
        return {
          body: { data: { brandId, brandName, email, role, expiresAt: timeOf(expiresAt), hasAccount: isUser } },
        };
      },
    }),
    defineOperation({
      ...common,
      id: "acceptInvitation",
      method: "post",
      path: "/v1/invitation",
      access: "everyone",
      summary: "Accept an invitation",
      description: `Makes an account with a password of ${SHORTEST_PASSWORD} to ${LONGEST_PASSWORD} characters, or, for who has one and has signed in, adds the brand to it. Then sign in, and set up a second factor.`,
      body: z.strictObject({
        token,
        name: name.optional(),
        password: z
          .string()
          .min(SHORTEST_PASSWORD, `must have ${SHORTEST_PASSWORD} characters at least`)
          .max(LONGEST_PASSWORD, `must have ${LONGEST_PASSWORD} characters at most`)
          .optional(),
      }),
      answers: { 201: { description: "You are a member.", schema: one(z.strictObject({ userId: z.string() })) } },
      problems: [401, 403, 404, 409],
      async handle({ body: { token, name, password }, request }) {
        const { isUser } = await invitations.look(token);
        if (isUser) {
          const user = await authenticator.user(request);
          const userId = await invitations.accept(token, { kind: "signed-in", userId: user?.id ?? "" });
          return { status: 201, body: { data: { userId } } };
        }
        const missing = { name, password };
        const errors = Object.entries(missing).flatMap(([parameter, value]) =>
          value === undefined ? [{ parameter, detail: "is missing: there is no account yet" }] : [],
        );
        if (name === undefined || password === undefined) throw invalidRequest(errors);
        const passwordHash = await (await users.$context).password.hash(password);
        const userId = await invitations.accept(token, { kind: "new", name, passwordHash });
        return { status: 201, body: { data: { userId } } };
      },
    }),
  ];
}

function presentMember({ createdAt, ...member }: Member) {
  return { ...member, createdAt: timeOf(createdAt) };
}

function presentInvitation({ id, email, role, createdAt, expiresAt }: Invitation) {
  return { id, email, role, createdAt: timeOf(createdAt), expiresAt: timeOf(expiresAt) };
}
