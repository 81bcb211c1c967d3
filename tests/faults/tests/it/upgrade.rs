//! Two builds of the dashboard, one after the other and side by side: pages move to the newer one and lose nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::json;
use statetemplate_faults::{Client, Node, NodeOptions, Patience, Proxy, SIGNING_KEY};
use statetemplate_servers::RedisServer;
use tokio::task::spawn_blocking;

/// What the next version of the dashboard changes: a file, what stands there once, and what takes its place.
const CHANGES: [(&str, &str, &str); 5] = [
    ("Cargo.toml", "name = \"dashboard\"", "name = \"dashboard-next\""),
    (
        "src/data.rs",
        "    pub(crate) title: String,\n    /// Which session",
        "    pub(crate) title: String,\n    /// What the next version has more.\n    #[serde(default)]\n    \
         pub(crate) motto: String,\n    /// Which session",
    ),
    (
        "src/sample.rs",
        "title: \"Acme\".to_owned(),",
        "title: \"Acme\".to_owned(),\n        motto: \"Onward\".to_owned(),",
    ),
    (
        "templates/dashboard.html",
        "<h1>Welcome, {{ user.name }}!</h1>",
        "<h1>Welcome, {{ user.name }}!</h1><p id=\"motto\">{{ motto or \"no motto yet\" }}</p>",
    ),
    (
        "src/app.rs",
        ".page(actions::page());",
        ".page(actions::page())\n        .data_version(1);",
    ),
];

#[tokio::test]
async fn pages_move_to_the_next_build_of_the_dashboard_and_an_older_one_leaves_them_alone() {
    let (old, next) = spawn_blocking(builds).await.unwrap().unwrap();
    let redis = RedisServer::start().await.unwrap();
    let node = |program: &Path| NodeOptions {
        program: program.to_owned(),
        store: String::new(),
        environment: vec![
            ("REDIS_URL".into(), redis.url()),
            ("SIGNING_KEY".into(), SIGNING_KEY.into()),
        ],
    };
    let mut old = Node::start(node(&old)).await.unwrap();
    let proxy = Proxy::before([old.address()]).await.unwrap();
    let patience = Patience::of(Duration::from_secs(120));

    let mut pages = Vec::new();
    for id in 0..5 {
        let mut page = Client::open(proxy.address(), "/", &format!("{id:08}"), patience)
            .await
            .unwrap();
        for title in ["Before", "the upgrade"] {
            let task = json!({"title": format!("{title} {id}"), "priority": "high"});
            page.act("add_task", task, patience).await.unwrap().unwrap();
        }
        assert!(!page.html().contains("motto"), "the old build has none");
        pages.push(page);
    }

    // The next build takes over.
    let mut next = Node::start(node(&next)).await.unwrap();
    proxy.set_servers([next.address()]);
    assert!(
        old.terminate()
            .await
            .unwrap()
            .is_some_and(|status| status.success())
    );
    for (id, page) in pages.iter_mut().enumerate() {
        act_and_check(page, id, &["Before", "the upgrade", "After"], patience).await;
        assert_eq!(
            page.outcome().refreshes,
            1,
            "the page is shown by the other build"
        );
    }
    let fresh = Client::open(proxy.address(), "/", "fresh", patience)
        .await
        .unwrap();
    assert!(fresh.html().contains(">Onward</p>"), "{}", fresh.html());

    // The old build comes back beside it, and pages meet both in turns.
    old.restart().await.unwrap();
    proxy.set_servers([old.address(), next.address()]);
    proxy.link().cut();
    for (id, page) in pages.iter_mut().enumerate() {
        act_and_check(page, id, &["Before", "the upgrade", "After", "After"], patience).await;
    }
    next.kill().unwrap();
}

/// Adds a task, and looks whether the page shows all that were added, and the new build's line.
async fn act_and_check(page: &mut Client, id: usize, titles: &[&str], patience: Patience) {
    let task = json!({"title": format!("After {id}"), "priority": "low"});
    page.act("add_task", task, patience).await.unwrap().unwrap();
    let html = page.html();
    for title in titles {
        let times = titles.iter().filter(|other| *other == title).count();
        let shown = html.matches(&format!(">{title} {id}<")).count();
        assert_eq!(shown, times, "{title} {id}: {html}");
    }
    assert!(html.contains("no motto yet"), "{html}");
}

/// The dashboard as it is, and with the changes.
fn builds() -> io::Result<(PathBuf, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let changed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("next");
    let _ = fs::remove_dir_all(&changed);
    fs::create_dir_all(changed.join("examples"))?;
    for shared in ["Cargo.lock", "clippy.toml"] {
        fs::copy(root.join(shared), changed.join(shared))?;
    }
    let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
    let members = workspace
        .lines()
        .find(|line| line.starts_with("members = "))
        .ok_or_else(|| io::Error::other("the workspace has no line with its members"))?;
    let workspace = workspace.replace(members, "members = [\"examples/dashboard\"]");
    fs::write(changed.join("Cargo.toml"), workspace)?;
    for library in [
        "statetemplate-core",
        "statetemplate-axum",
        "client-js",
        "README.md",
    ] {
        std::os::unix::fs::symlink(root.join(library), changed.join(library))?;
    }
    copy(
        &root.join("examples/dashboard"),
        &changed.join("examples/dashboard"),
    )?;
    for (file, from, to) in CHANGES {
        let file = changed.join("examples/dashboard").join(file);
        let text = fs::read_to_string(&file)?;
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {}", file.display());
        fs::write(&file, text.replace(from, to))?;
    }
    Ok((build(&root, "dashboard")?, build(&changed, "dashboard-next")?))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Builds a program as the other tests' programs are built, and beside them.
fn build(workspace: &Path, package: &str) -> io::Result<PathBuf> {
    let node = Path::new(env!("CARGO_BIN_EXE_node"));
    let target = node
        .parent()
        .and_then(Path::parent)
        .ok_or_else(|| io::Error::other("the tests' programs lie in no target folder"))?;
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--offline",
            "--package",
            package,
            "--bin",
            package,
        ])
        .arg("--manifest-path")
        .arg(workspace.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .output()?;
    if !built.status.success() {
        return Err(io::Error::other(format!(
            "{package} could not be built: {}",
            String::from_utf8_lossy(&built.stderr)
        )));
    }
    Ok(target.join("debug").join(package))
}
